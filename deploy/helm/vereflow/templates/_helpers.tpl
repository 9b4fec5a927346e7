{{- define "vereflow.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- /* A pod's name and its label of a revision are longer, and have at most 63 characters. */ -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "vereflow.account" -}}
{{- .Values.serviceAccount.name | default (ternary (include "vereflow.name" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- /* What selects, and so never changes. */ -}}
{{- define "vereflow.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "vereflow.labels" -}}
{{ include "vereflow.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "vereflow.image" -}}
{{- with .Values.image -}}
{{- .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "vereflow.strimzi.namespace" -}}
{{- .Values.strimzi.namespace | default .Release.Namespace -}}
{{- end -}}

{{- /* Name → secret and key, of every file that is mounted below /etc/vereflow/secrets. */ -}}
{{- define "vereflow.secrets" -}}
{{- $files := dict "kafka-ca" .Values.kafka.caSecret "kafka-password" .Values.kafka.passwordSecret -}}
{{- $files = merge $files (dict "verefoo-ca" .Values.verefoo.caSecret "verefoo-token" .Values.verefoo.tokenSecret) -}}
{{- with .Values.web -}}
{{- if .expose -}}
{{- $files = set $files "web-token" (dict "name" (required "set web.tokenSecret.name: exposed pages ask for a login" .tokenSecret.name) "key" .tokenSecret.key) -}}
{{- $tls := required "set web.tlsSecret.name: exposed pages are served over TLS" .tlsSecret.name -}}
{{- $files = set $files "web-certificate" (dict "name" $tls "key" .tlsSecret.certificate) -}}
{{- $files = set $files "web-key" (dict "name" $tls "key" .tlsSecret.key) -}}
{{- $files = set $files "web-ca" (dict "name" $tls "key" .tlsSecret.ca) -}}
{{- $files = set $files "web-proxy-token" .proxyTokenSecret -}}
{{- end -}}
{{- end -}}
{{- $files = merge $files (dict "traces-ca" .Values.traces.caSecret "traces-headers" .Values.traces.headersSecret) -}}
{{- if and .Values.strimzi.user (not .Values.kafka.passwordSecret.name) -}}
{{- $files = set $files "kafka-password" (dict "name" (include "vereflow.name" .) "key" "password") -}}
{{- end -}}
{{- range $file, $secret := $files }}
{{- if $secret.name }}
{{ $file }}: {{ toJson $secret }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "vereflow.web.port" -}}
{{- dig "web" "port" 6066 .Values.settings | int -}}
{{- end -}}

{{- /* What follows a worker's own name in the cluster's DNS. */ -}}
{{- define "vereflow.web.domain" -}}
{{- include "vereflow.name" . }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{- /* How the Service of the pages is called, by others in its namespace and elsewhere. */ -}}
{{- define "vereflow.web.names" -}}
{{- $name := printf "%s-web" (include "vereflow.name" .) -}}
{{- $name }} {{ $name }}.{{ .Release.Namespace }} {{ $name }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{- /* Where commands ask all workers, from within one. */ -}}
{{- define "vereflow.web.urls" -}}
{{- if .Values.web.expose -}}
{{- $urls := list -}}
{{- range $number := until (int .Values.replicas) -}}
{{- $urls = append $urls (printf "https://%s-%d.%s:%s" (include "vereflow.name" $) $number (include "vereflow.web.domain" $) (include "vereflow.web.port" $)) -}}
{{- end -}}
{{- $urls | join " " -}}
{{- else -}}
http://127.0.0.1:{{ include "vereflow.web.port" . }}
{{- end -}}
{{- end -}}

{{- /* The file of settings: what was told, and where the files of secrets are. */ -}}
{{- define "vereflow.settings" -}}
{{- $files := include "vereflow.secrets" . | fromYaml -}}
{{- $place := "/etc/vereflow/secrets" -}}
{{- $kafka := dict -}}
{{- $verefoo := dict -}}
{{- $web := dict -}}
{{- $traces := dict -}}
{{- if hasKey $files "kafka-ca" }}{{ $_ := set $kafka "ca" (printf "%s/kafka-ca" $place) }}{{ end -}}
{{- if hasKey $files "kafka-password" }}{{ $_ := set $kafka "password_file" (printf "%s/kafka-password" $place) }}{{ end -}}
{{- if hasKey $files "verefoo-ca" }}{{ $_ := set $verefoo "ca" (printf "%s/verefoo-ca" $place) }}{{ end -}}
{{- if hasKey $files "verefoo-token" }}{{ $_ := set $verefoo "token_file" (printf "%s/verefoo-token" $place) }}{{ end -}}
{{- if .Values.web.expose -}}
{{- $_ := set $web "token_file" (printf "%s/web-token" $place) -}}
{{- $_ := set $web "certificate" (printf "%s/web-certificate" $place) -}}
{{- $_ := set $web "key" (printf "%s/web-key" $place) -}}
{{- $_ := set $web "ca" (printf "%s/web-ca" $place) -}}
{{- $_ := set $web "names" (concat (include "vereflow.web.names" . | splitList " ") (dig "web" "names" (list) .Values.settings)) -}}
{{- if hasKey $files "web-proxy-token" }}{{ $_ := set $web "proxy_token_file" (printf "%s/web-proxy-token" $place) }}{{ end -}}
{{- end -}}
{{- if hasKey $files "traces-ca" }}{{ $_ := set $traces "ca" (printf "%s/traces-ca" $place) }}{{ end -}}
{{- if hasKey $files "traces-headers" }}{{ $_ := set $traces "headers_file" (printf "%s/traces-headers" $place) }}{{ end -}}
{{- if .Values.strimzi.user }}{{ $_ := set $kafka "user" (include "vereflow.name" .) }}{{ end -}}
{{- mergeOverwrite (deepCopy .Values.settings) (dict "kafka" $kafka "verefoo" $verefoo "traces" $traces) (ternary (dict "web" $web) (dict) .Values.web.expose) | toYaml -}}
{{- end -}}

{{- /* What follows from the pod, whoever writes the file of settings. */ -}}
{{- define "vereflow.env" -}}
- {name: VEREFLOW_CONFIG, value: /etc/vereflow/settings/settings.yaml}
- name: VEREFLOW_CLUSTER__OWN_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end -}}

{{- define "vereflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.user }}
runAsGroup: {{ .Values.user }}
fsGroup: {{ .Values.user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "vereflow.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* What every container of ours reads, and where it may write besides its state. */ -}}
{{- define "vereflow.mounts" -}}
- {name: settings, mountPath: /etc/vereflow/settings, readOnly: true}
{{- if include "vereflow.secrets" . }}
- {name: secrets, mountPath: /etc/vereflow/secrets, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- /* Whole folders: a file mounted alone would never be replaced by a newer token. */ -}}
{{- define "vereflow.volumes" -}}
- name: settings
  configMap: {name: {{ include "vereflow.name" . }}}
{{- with include "vereflow.secrets" . | fromYaml }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $file, $secret := . }}
      - secret:
          name: {{ $secret.name }}
          items: [{key: {{ $secret.key }}, path: {{ $file }}}]
      {{- end }}
{{- end }}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- end -}}

{{- define "vereflow.placing" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "vereflow.init" -}}
metadata:
  labels:
    {{- include "vereflow.selector" . | nindent 4 }}
    app.kubernetes.io/component: init
spec:
  restartPolicy: OnFailure
  serviceAccountName: {{ include "vereflow.account" . }}
  enableServiceLinks: false
  securityContext: {{- include "vereflow.podSecurity" . | nindent 4 }}
  containers:
    - name: init
      image: {{ include "vereflow.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [vereflow]
      args: [init]
      env:
        {{- include "vereflow.env" . | nindent 8 }}
        {{- if .Values.init.user }}
        - {name: VEREFLOW_KAFKA__USER, value: {{ .Values.init.user | quote }}}
        - {name: VEREFLOW_KAFKA__PASSWORD_FILE, value: /etc/vereflow/init/password}
        {{- end }}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext: {{- include "vereflow.security" . | nindent 8 }}
      volumeMounts:
        {{- include "vereflow.mounts" . | nindent 8 }}
        {{- if .Values.init.user }}
        - {name: init, mountPath: /etc/vereflow/init, readOnly: true}
        {{- end }}
  volumes:
    {{- include "vereflow.volumes" . | nindent 4 }}
    {{- if .Values.init.user }}
    - name: init
      secret:
        secretName: {{ required "set init.passwordSecret.name: init.user logs in" .Values.init.passwordSecret.name }}
        items: [{key: {{ .Values.init.passwordSecret.key }}, path: password}]
        defaultMode: 0440
    {{- end }}
  {{- include "vereflow.placing" . | nindent 2 }}
{{- end -}}
