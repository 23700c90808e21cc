package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/pushchannel"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		want manager.Settings
		err  string
	}{
		{
			name: "environment",
			env: map[string]string{
				"OFFLINEPUSH_NAMESPACES": "a, b,a", "OFFLINEPUSH_ALLOWED_ENDPOINTS": "sim:8443", "OFFLINEPUSH_DISPATCHER_IMAGE": "x:1",
				"OFFLINEPUSH_FAST_RELOAD": "true", "OFFLINEPUSH_LEADER_ELECT": "1",
			},
			want: manager.Settings{
				Namespaces: []string{"a", "b"}, AllowedEndpoints: pushchannel.Endpoints{"sim:8443"}, DispatcherImage: "x:1",
				MaxConcurrentRollouts: 10, FastReload: true, LeaderElect: true, MetricsAddr: ":8443", HealthAddr: ":8081",
			},
		},
		{
			name: "flags win",
			args: []string{"--namespaces=*", "--dispatcher-image=y:2", "--fast-reload=false", "--metrics-addr=0"},
			env:  map[string]string{"OFFLINEPUSH_NAMESPACES": "a", "OFFLINEPUSH_DISPATCHER_IMAGE": "x:1", "OFFLINEPUSH_FAST_RELOAD": "true"},
			want: manager.Settings{DispatcherImage: "y:2", MaxConcurrentRollouts: 10, MetricsAddr: "0", HealthAddr: ":8081"},
		},
		{
			name: "get-only", args: []string{"--dispatcher-image=y:2", "--namespaces=a"}, env: map[string]string{"OFFLINEPUSH_SECRET_ACCESS": "Get"},
			want: manager.Settings{Namespaces: []string{"a"}, DispatcherImage: "y:2", MaxConcurrentRollouts: 10, GetSecrets: true, MetricsAddr: ":8443", HealthAddr: ":8081"},
		},
		{name: "no such access", args: []string{"--dispatcher-image=x", "--namespaces=a", "--secret-access=None"}, err: `--secret-access: is "None", must be Watch or Get`},
		{
			name: "all at once",
			args: []string{"--namespaces=*", "--dispatcher-image=y:2", "--max-concurrent-rollouts=0"},
			env:  map[string]string{"OFFLINEPUSH_MAX_CONCURRENT_ROLLOUTS": "3"},
			want: manager.Settings{DispatcherImage: "y:2", MetricsAddr: ":8443", HealthAddr: ":8081"},
		},
		{
			name: "three at a time",
			args: []string{"--namespaces=*", "--dispatcher-image=y:2"},
			env:  map[string]string{"OFFLINEPUSH_MAX_CONCURRENT_ROLLOUTS": "3"},
			want: manager.Settings{DispatcherImage: "y:2", MaxConcurrentRollouts: 3, MetricsAddr: ":8443", HealthAddr: ":8081"},
		},
		{name: "no number of rollouts", args: []string{"--dispatcher-image=x"}, env: map[string]string{"OFFLINEPUSH_MAX_CONCURRENT_ROLLOUTS": "few"}, err: `--max-concurrent-rollouts: "few" must be a number`},
		{name: "fewer than none", args: []string{"--dispatcher-image=x", "--max-concurrent-rollouts=-1"}, err: `--max-concurrent-rollouts: "-1" must be a number, 0 or more`},
		{name: "no image", args: []string{"--namespaces=a"}, err: "--dispatcher-image must be set"},
		{name: "no namespace outside a pod", args: []string{"--dispatcher-image=x"}, err: "--namespaces must be set outside a pod"},
		{name: "every and one", args: []string{"--dispatcher-image=x", "--namespaces=*,a"}, err: "'*' must stand alone"},
		{name: "bad endpoint", args: []string{"--dispatcher-image=x", "--allowed-endpoints=https://sim"}, err: `--allowed-endpoints: "https://sim" must be host or host:port`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tt.args, func(name string) string { return tt.env[name] })
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error is %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}
