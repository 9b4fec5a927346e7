// Serve the Kubernetes API from one binary: etcd and kube-apiserver as they are released.
//
//	apiserver etcd DIR               etcd, one member, on the unix socket DIR/etcd.sock
//	apiserver serve DIR [flags]      kube-apiserver over that socket, with its ordinary flags
//
// Two processes, so that a test can end either and see what the other does meanwhile.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	kubeapiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const socket = "etcd.sock"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: apiserver etcd|serve DIR [flags of kube-apiserver]")
	}
	// Inside it, because the path of a socket has at most 107 bytes.
	if err := os.Chdir(args[1]); err != nil {
		return err
	}
	switch args[0] {
	case "etcd":
		return keep()
	case "serve":
		return serve(args[2:])
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// keep runs etcd until a signal asks it to end.
func keep() error {
	// A killed run leaves its socket behind, and etcd does not bind over it.
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	config := embed.NewConfig()
	config.Dir = "etcd"
	config.LogLevel = "error"
	config.UnsafeNoFsync = true // A killed process still loses nothing: only a killed machine does.
	// As kubeadm sets it: a bookmark is no newer than the last of these.
	config.WatchProgressNotifyInterval = 5 * time.Second
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Host: socket}}
	// Advertised to members that do not exist; never called.
	config.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:1"}}
	config.ListenPeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	member, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer member.Close()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-asked:
		return nil
	case err := <-member.Err():
		return err
	}
}

// serve runs kube-apiserver over the socket of keep; it makes its certificates and keys itself, once.
func serve(flags []string) error {
	const key = "tokens.key"
	if err := makeKey(key); err != nil {
		return err
	}
	command := kubeapiserver.NewAPIServerCommand()
	command.SetArgs(append([]string{
		"--etcd-servers=unix://" + socket,
		"--cert-dir=certs",
		"--service-account-signing-key-file=" + key,
		"--service-account-key-file=" + key,
	}, flags...))
	if code := cli.Run(command); code != 0 {
		os.Exit(code)
	}
	return nil
}

// makeKey writes the key that signs the tokens of service accounts, unless it is there.
func makeKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}
