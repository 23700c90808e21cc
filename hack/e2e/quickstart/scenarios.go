package quickstart

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/report"
)

// Scenarios are steps where much happens at once, with phones of four vendors and dispatchers that die meanwhile. They
// stand on no other step.
func (s *Story) Scenarios() []Step {
	return []Step{
		{"Two users switch on one phone, messages stream to both, and a dispatcher is killed", s.switchUsers},
		{"A group of 10,000 with a third online gets one message, and its dispatcher is killed on the way", s.tellMany},
		{"A call is cancelled while its pushes are in flight: no phone goes on ringing", s.cancelInFlight},
		{"A dispatcher is killed while one call rings, one goes on and one was just cancelled", s.killDuringCalls},
	}
}

// four are phones of the vendors that take part in the scenarios.
func four() []model {
	all := models()
	return []model{all[0], all[1], all[2], all[4]}
}

// AnyDispatcher is an HTTP client whose every request goes to a dispatcher of the Service's choice: a connection that
// is kept would go on leading to one that has died.
func AnyDispatcher() *http.Client {
	return &http.Client{Timeout: patience / 4, Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialAgain}}
}

// dials are the ports that dialAgain tries a connection from.
const dials = 3

// dialAgain tries several ports of its own: from one that a connection to a killed dispatcher had a moment ago, the node's
// translation of Service addresses still leads there.
func dialAgain(ctx context.Context, network, address string) (conn net.Conn, err error) {
	dialer := &net.Dialer{Timeout: patience / 40}
	for range dials {
		if conn, err = dialer.DialContext(ctx, network, address); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// destroy is kill -9 of a dispatcher. Its pod goes too: the kubelet starts a container that ends again and again later each time.
func (w *World) destroy(ctx context.Context, p pod) error {
	if err := crash(p); err != nil {
		return err
	}
	w.Say("    kill -9 of the dispatcher in %s", p.name)
	_, err := w.Kubectl(ctx, "-n", Namespace, "delete", "pod", p.name, "--force", "--grace-period=0", "--wait=false")
	return err
}

// recovered waits until all dispatchers are there again.
func (w *World) recovered(ctx context.Context) error {
	_, err := w.Kubectl(ctx, "-n", Namespace, "rollout", "status", "deployment/chat-dispatcher", "--timeout=180s")
	if err != nil {
		return err
	}
	return w.reachPlanes(ctx)
}

// ledger gives what became of all pushes of the app, as a dispatcher counts them when it is asked.
type ledger func(context.Context) (report.Account, error)

// accountant asks one dispatcher, which answers as the operator would be answered.
func (w *World) accountant(ctx context.Context, p pod) (ledger, error) {
	encoded, err := w.field(ctx, "secret/chat-keys", ".data.report")
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("the report key: %w", err)
	}
	return func(ctx context.Context) (report.Account, error) {
		var r report.Report
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.ip+":9090"+report.Path, nil)
		if err != nil {
			return r.Account, err
		}
		req.Header.Set("Authorization", "Bearer "+string(key))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return r.Account, err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			return r.Account, fmt.Errorf("the report of %s: HTTP %d", p.name, resp.StatusCode)
		}
		err = json.NewDecoder(resp.Body).Decode(&r)
		return r.Account, err
	}, nil
}

// settled waits until every push has come to its end.
func (w *World) settled(ctx context.Context) error {
	pods, err := w.running(ctx)
	if err != nil {
		return err
	}
	count, err := w.accountant(ctx, pods[len(pods)-1])
	if err != nil {
		return err
	}
	began := time.Now()
	var a report.Account
	err = await(ctx, "every push to come to its end", func(ctx context.Context) (err error) {
		a, err = count(ctx)
		// A dispatcher whose store did not answer in time knows of no push at all.
		if err == nil && (a.Admitted == 0 || a.Pending != 0 || a.Unexpanded != 0 || a.Unaccounted() != 0) {
			err = fmt.Errorf("%w: %+v", errNotYet, a)
		}
		return err
	})
	if err == nil {
		w.Say("    every push has come to its end after %.1fs: of all so far %d handed to vendors, %d cancelled, %d suppressed, %d expired, %d failed, %d quarantined",
			time.Since(began).Seconds(), a.Handed, a.Cancelled, a.Suppressed, a.Expired, a.Failed, a.Quarantined)
	}
	return err
}
