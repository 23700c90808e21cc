package fleet_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/pushchannel"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// managerVariable makes the test's binary a manager with the settings in it.
const managerVariable = "OFFLINEPUSH_FLEET_MANAGER"

// settings are how the manager of a test differs from the one that people run.
type settings struct {
	KubeConfig   []byte        `json:"kubeConfig"`
	Namespace    string        `json:"namespace"`
	Image        string        `json:"image"`
	Rollouts     int           `json:"rollouts"`
	LeaderElect  bool          `json:"leaderElect"`
	ReportPeriod time.Duration `json:"reportPeriod"`
	// Dispatchers is where the pods of the test listen, whatever their addresses; Vendor is the only one there is.
	Dispatchers string `json:"dispatchers"`
	Vendor      string `json:"vendor"`
	// Trouble makes the way to the kube-apiserver a bad one.
	Trouble bool `json:"trouble"`
}

// vitals are what a manager tells of itself.
type vitals struct {
	// Heap is what is in use after a collection, in bytes.
	Heap uint64 `json:"heap"`
	// Passes are by controller, and Busy says that one of the controllers of objects has something to do.
	Passes map[string]int `json:"passes"`
	Busy   bool           `json:"busy"`
}

// runManager is the manager of cmd/manager among the test's dispatchers and vendors. For each line that it reads it writes its
// vitals; it ends with its input, so that none outlives its test.
func runManager(encoded string) error {
	var s settings
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return fmt.Errorf("reading the settings: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
	cluster, err := clientcmd.RESTConfigFromKubeConfig(s.KubeConfig)
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	if s.Trouble {
		cluster.Wrap(func(next http.RoundTripper) http.RoundTripper { return &badWay{next: next} })
	}
	allowed, err := pushchannel.ParseEndpoints(s.Vendor)
	if err != nil {
		return err
	}
	dispatchers := admin.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.Dispatchers)
		},
		DisableKeepAlives: true, // as admin.NewClient
	}}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	mgr, err := manager.New(ctx, cluster, manager.Settings{
		Namespaces: []string{s.Namespace}, AllowedEndpoints: allowed, DispatcherImage: s.Image, FastReload: true,
		MaxConcurrentRollouts: s.Rollouts, LeaderElect: s.LeaderElect, LeaderElectionNamespace: s.Namespace,
		MetricsAddr: "0", HealthAddr: "0", Guard: provider.EndpointGuard{AllowLoopback: true},
		Reports: dispatchers, PushTests: dispatchers, ReportPeriod: s.ReportPeriod, Log: log,
	})
	if err != nil {
		return err
	}
	go func() {
		defer stop()
		tell(os.Stdin, os.Stdout)
	}()
	return mgr.Start(ctx)
}

// tell answers every line with the vitals.
func tell(questions io.Reader, answers io.Writer) {
	lines := bufio.NewScanner(questions)
	encoder := json.NewEncoder(answers)
	for lines.Scan() {
		v, err := measure()
		if err != nil || encoder.Encode(v) != nil {
			return
		}
	}
}

func measure() (vitals, error) {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	v := vitals{Heap: memory.HeapAlloc, Passes: map[string]int{}}
	families, err := metrics.Registry.Gather()
	if err != nil {
		return v, err
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			controller := ""
			for _, label := range m.GetLabel() {
				if label.GetName() == "controller" {
					controller = label.GetValue()
				}
			}
			switch family.GetName() {
			case "controller_runtime_reconcile_total":
				v.Passes[controller] += int(m.GetCounter().GetValue())
			case "workqueue_depth", "controller_runtime_active_workers":
				v.Busy = v.Busy || (controller != "reports" && m.GetGauge().GetValue() > 0)
			}
		}
	}
	return v, nil
}
