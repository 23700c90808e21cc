package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/pushapp"
	"github.com/offlinepush/operator/controllers/pushchannel"
)

// everyNamespace as --namespaces watches the whole cluster.
const everyNamespace = "*"

// What --secret-access may be.
const (
	watchSecrets = "Watch"
	getSecrets   = "Get"
)

// ownNamespaceFile is where Kubernetes tells a pod its namespace.
const ownNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// parse reads the flags; each takes its default from an environment variable.
func parse(args []string, env func(string) string) (manager.Settings, error) {
	var s manager.Settings
	var namespaces, endpoints, secrets, rollouts string
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.StringVar(&namespaces, "namespaces", env("OFFLINEPUSH_NAMESPACES"),
		"namespaces to watch, separated by commas; '*' for every one; the manager's own when empty (OFFLINEPUSH_NAMESPACES)")
	flags.StringVar(&endpoints, "allowed-endpoints", env("OFFLINEPUSH_ALLOWED_ENDPOINTS"),
		"host[:port] list that spec.endpoint of a PushChannel may name; none when empty (OFFLINEPUSH_ALLOWED_ENDPOINTS)")
	flags.StringVar(&s.DispatcherImage, "dispatcher-image", env("OFFLINEPUSH_DISPATCHER_IMAGE"),
		"image of dispatchers whose PushApp names none (OFFLINEPUSH_DISPATCHER_IMAGE)")
	flags.BoolVar(&s.FastReload, "fast-reload", isTrue(env("OFFLINEPUSH_FAST_RELOAD")),
		"annotate pods when their configuration changed, so that kubelets refresh it at once (OFFLINEPUSH_FAST_RELOAD)")
	flags.BoolVar(&s.LeaderElect, "leader-elect", isTrue(env("OFFLINEPUSH_LEADER_ELECT")),
		"work only while holding the lease, so that one of several managers works (OFFLINEPUSH_LEADER_ELECT)")
	flags.StringVar(&secrets, "secret-access", cmp.Or(env("OFFLINEPUSH_SECRET_ACCESS"), watchSecrets),
		"Watch, or Get for a manager that may get Secrets by name and neither list nor watch them; changes are then noticed within 30 seconds (OFFLINEPUSH_SECRET_ACCESS)")
	flags.StringVar(&rollouts, "max-concurrent-rollouts", env("OFFLINEPUSH_MAX_CONCURRENT_ROLLOUTS"),
		"how many apps a new manager or another default image changes at a time, 0 for all at once; 10 when empty (OFFLINEPUSH_MAX_CONCURRENT_ROLLOUTS)")
	flags.StringVar(&s.MetricsAddr, "metrics-addr", ":8443", "address of the metrics over HTTPS; 0 serves none")
	flags.StringVar(&s.HealthAddr, "health-addr", ":8081", "address of /healthz and /readyz")
	if err := flags.Parse(args); err != nil {
		return manager.Settings{}, fmt.Errorf("reading the flags: %w", err)
	}
	if s.DispatcherImage == "" {
		return manager.Settings{}, errors.New("--dispatcher-image must be set, or OFFLINEPUSH_DISPATCHER_IMAGE")
	}
	if secrets != watchSecrets && secrets != getSecrets {
		return manager.Settings{}, fmt.Errorf("--secret-access: is %q, must be %s or %s", secrets, watchSecrets, getSecrets)
	}
	s.GetSecrets = secrets == getSecrets
	var err error
	if s.MaxConcurrentRollouts, err = parseRollouts(rollouts); err != nil {
		return manager.Settings{}, err
	}
	if s.AllowedEndpoints, err = pushchannel.ParseEndpoints(endpoints); err != nil {
		return manager.Settings{}, fmt.Errorf("--allowed-endpoints: %w", err)
	}
	if s.Namespaces, err = parseNamespaces(namespaces); err != nil {
		return manager.Settings{}, err
	}
	return s, nil
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

func parseRollouts(text string) (int, error) {
	if text == "" {
		return pushapp.DefaultRollouts, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 0 {
		return 0, fmt.Errorf("--max-concurrent-rollouts: %q must be a number, 0 or more", text)
	}
	return number, nil
}

func isTrue(text string) bool {
	value, err := strconv.ParseBool(text)
	return err == nil && value
}
