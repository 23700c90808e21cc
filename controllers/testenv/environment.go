// Package testenv runs tests against a real kube-apiserver and etcd with this project's CRDs: no kubelet, no controllers,
// no garbage collection. It also builds valid objects and checks the rules that every status must keep.
package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

const (
	// serviceAddresses are enough for a thousand apps, which have two Services each.
	serviceAddresses = "10.0.0.0/16"
	// patience only ends a hang: a busy machine takes its time to start and to stop processes, and to serve new CRDs.
	patience = 5 * time.Minute
	// attempts bounds the starts of one environment.
	attempts = 3
)

// Environment is a running kube-apiserver with this project's CRDs.
type Environment struct {
	// Config reaches the kube-apiserver as cluster administrator.
	Config *rest.Config
	// Client reads and writes without a cache.
	Client client.WithWatch
	// Root is the folder of the module.
	Root string

	cluster      *envtest.Environment
	certificates string
}

// Main runs the tests of a package inside an environment, which it stores in target before the first test. TestMain hands
// the result to os.Exit.
func Main(m *testing.M, target **Environment) (code int) {
	environment, err := Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		return 1
	}
	defer func() {
		if err := environment.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "testenv:", err)
			code = 1
		}
	}()
	*target = environment
	return m.Run()
}

// Start starts etcd and kube-apiserver and installs the CRDs. The caller stops the environment.
func Start() (*Environment, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	binaries, err := binaryFolder(root)
	if err != nil {
		return nil, err
	}
	scheme, err := NewScheme()
	if err != nil {
		return nil, err
	}
	// envtest gives kube-apiserver five seconds for its namespaces, whatever we say, and on a busy machine that is not always
	// enough.
	var failed error
	for range attempts {
		e, err := start(root, binaries, scheme)
		if err == nil {
			return e, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// start tries it once.
func start(root, binaries string, scheme *runtime.Scheme) (*Environment, error) {
	// A folder of our own keeps the certificates when kube-apiserver starts again.
	certificates, err := os.MkdirTemp("", "offlinepush-testenv-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for certificates: %w", err)
	}
	cluster := &envtest.Environment{
		Scheme:                   scheme,
		BinaryAssetsDirectory:    binaries,
		CRDInstallOptions:        envtest.CRDInstallOptions{MaxTime: patience},
		CRDDirectoryPaths:        []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: patience,
		ControlPlaneStopTimeout:  patience,
	}
	server := cluster.ControlPlane.GetAPIServer()
	server.CertDir = certificates
	server.Configure().Set("service-cluster-ip-range", serviceAddresses)
	e := &Environment{Root: root, cluster: cluster, certificates: certificates}
	if e.Config, err = cluster.Start(); err != nil {
		return nil, fmt.Errorf("starting kube-apiserver from %s: %w", binaries, errors.Join(err, e.Stop()))
	}
	if e.Client, err = client.NewWithWatch(e.Config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("making a client: %w", errors.Join(err, e.Stop()))
	}
	return e, nil
}

// Stop ends kube-apiserver and etcd and removes what they stored.
func (e *Environment) Stop() error {
	if err := errors.Join(e.cluster.Stop(), os.RemoveAll(e.certificates)); err != nil {
		return fmt.Errorf("stopping kube-apiserver: %w", err)
	}
	return nil
}

// KubeConfig is what other processes reach the kube-apiserver with, as cluster administrator.
func (e *Environment) KubeConfig() []byte { return e.cluster.KubeConfig }

// NewScheme returns a scheme with Kubernetes' own kinds and this project's.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), pushv1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("building the scheme: %w", err)
	}
	return scheme, nil
}
