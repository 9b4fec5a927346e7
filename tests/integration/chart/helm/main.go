// Render and lint a chart as `helm template` and `helm lint --strict` do, many times in one run.
//
//	helm DIR < cases.json > answers.json
//
// Helm itself is four times as much to build, and does nothing else for these tests.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// ask is one installation.
type ask struct {
	Release   string         `json:"release"`
	Namespace string         `json:"namespace"`
	Values    map[string]any `json:"values"`
	Kube      string         `json:"kube"`
	Apis      []string       `json:"apis"`
}

// answer is what came of it: manifests by template, or the error; notes; and complaints.
type answer struct {
	Manifests  []string `json:"manifests"`
	Notes      string   `json:"notes"`
	Error      string   `json:"error"`
	Complaints []string `json:"complaints"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "helm:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	var asks []ask
	if err := json.NewDecoder(os.Stdin).Decode(&asks); err != nil {
		return err
	}
	answers := make([]answer, 0, len(asks))
	for _, each := range asks {
		loaded, err := loader.Load(folder)
		if err != nil {
			return err
		}
		answers = append(answers, each.answer(loaded, folder))
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func (a ask) answer(loaded *chart.Chart, folder string) answer {
	var found answer
	version, err := chartutil.ParseKubeVersion(a.Kube)
	if err != nil {
		return answer{Error: err.Error()}
	}
	capabilities := *chartutil.DefaultCapabilities
	capabilities.KubeVersion = *version
	capabilities.APIVersions = append(capabilities.APIVersions, a.Apis...)
	found.Complaints = complaints(folder, a, version)
	if !chartutil.IsCompatibleRange(loaded.Metadata.KubeVersion, version.Version) {
		found.Error = "chart requires kubeVersion " + loaded.Metadata.KubeVersion
		return found
	}
	release := chartutil.ReleaseOptions{
		Name: a.Release, Namespace: a.Namespace, Revision: 1, IsInstall: true,
	}
	values, err := chartutil.ToRenderValues(loaded, a.Values, release, &capabilities)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	rendered, err := engine.Render(loaded, values)
	if err != nil {
		found.Error = err.Error()
		return found
	}
	for name, text := range rendered {
		if path.Base(name) == "NOTES.txt" {
			found.Notes = text
		} else if !strings.HasPrefix(path.Base(name), "_") && strings.TrimSpace(text) != "" {
			found.Manifests = append(found.Manifests, text)
		}
	}
	sort.Strings(found.Manifests)
	return found
}

// complaints are those for which `helm lint --strict` fails.
func complaints(folder string, a ask, kube *chartutil.KubeVersion) []string {
	said := []string{}
	for _, each := range lint.AllWithKubeVersion(folder, a.Values, a.Namespace, kube).Messages {
		if each.Severity >= support.WarningSev {
			said = append(said, each.Error())
		}
	}
	return said
}
