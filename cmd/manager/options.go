package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/offlinepush/operator/controllers/pushchannel"
)

// everyNamespace as --namespaces watches the whole cluster.
const everyNamespace = "*"

// ownNamespaceFile is where Kubernetes tells a pod its namespace.
const ownNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// options are what the flags say.
type options struct {
	namespaces       []string // empty means every one
	allowedEndpoints pushchannel.Endpoints
	dispatcherImage  string
	fastReload       bool
	leaderElect      bool
	metricsAddr      string
	healthAddr       string
}

// parseOptions reads the flags; each takes its default from an environment variable.
func parseOptions(args []string, env func(string) string) (options, error) {
	var o options
	var namespaces, endpoints string
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.StringVar(&namespaces, "namespaces", env("OFFLINEPUSH_NAMESPACES"),
		"namespaces to watch, separated by commas; '*' for every one; the manager's own when empty (OFFLINEPUSH_NAMESPACES)")
	flags.StringVar(&endpoints, "allowed-endpoints", env("OFFLINEPUSH_ALLOWED_ENDPOINTS"),
		"host[:port] list that spec.endpoint of a PushChannel may name; none when empty (OFFLINEPUSH_ALLOWED_ENDPOINTS)")
	flags.StringVar(&o.dispatcherImage, "dispatcher-image", env("OFFLINEPUSH_DISPATCHER_IMAGE"),
		"image of dispatchers whose PushApp names none (OFFLINEPUSH_DISPATCHER_IMAGE)")
	flags.BoolVar(&o.fastReload, "fast-reload", isTrue(env("OFFLINEPUSH_FAST_RELOAD")),
		"annotate pods when their configuration changed, so that kubelets refresh it at once (OFFLINEPUSH_FAST_RELOAD)")
	flags.BoolVar(&o.leaderElect, "leader-elect", isTrue(env("OFFLINEPUSH_LEADER_ELECT")),
		"work only while holding the lease, so that one of several managers works (OFFLINEPUSH_LEADER_ELECT)")
	flags.StringVar(&o.metricsAddr, "metrics-addr", ":8443", "address of the metrics over HTTPS; 0 serves none")
	flags.StringVar(&o.healthAddr, "health-addr", ":8081", "address of /healthz and /readyz")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("reading the flags: %w", err)
	}
	if o.dispatcherImage == "" {
		return options{}, errors.New("--dispatcher-image must be set, or OFFLINEPUSH_DISPATCHER_IMAGE")
	}
	var err error
	if o.allowedEndpoints, err = pushchannel.ParseEndpoints(endpoints); err != nil {
		return options{}, fmt.Errorf("--%w", err)
	}
	if o.namespaces, err = parseNamespaces(namespaces); err != nil {
		return options{}, err
	}
	return o, nil
}

func parseNamespaces(list string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case slices.Equal(names, []string{everyNamespace}):
		return nil, nil
	case slices.Contains(names, everyNamespace):
		return nil, errors.New("--namespaces: '*' must stand alone")
	case len(names) > 0:
		return names, nil
	}
	own, err := os.ReadFile(ownNamespaceFile)
	if err != nil {
		return nil, errors.New("--namespaces must be set outside a pod, or OFFLINEPUSH_NAMESPACES")
	}
	return []string{strings.TrimSpace(string(own))}, nil
}

func isTrue(text string) bool {
	value, err := strconv.ParseBool(text)
	return err == nil && value
}
