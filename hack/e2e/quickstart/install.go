package quickstart

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

// The keys of config/samples/quickstart and its variants.
const (
	serverKey       = "quickstart-server-key-0001"
	registrationKey = "quickstart-registration-key-0001"
)

// simulatorHost is the only host that may stand in for a vendor.
const simulatorHost = "vendorsim.quickstart.svc:8443"

// managerNamespace is where config/default puts the operator.
const managerNamespace = "offlinepush-system"

// Install applies the operator and the quickstart, and waits until all of it is Ready.
func (w *World) Install(ctx context.Context) error {
	err := w.do(ctx,
		[]string{"apply", "--server-side", "-k", "config/default"},
		[]string{"wait", "--for=condition=Established", "crd/pushchannels.offlinepush.io", "crd/pushapps.offlinepush.io"})
	if err != nil {
		return err
	}
	leftover, err := w.Kubectl(ctx, "-n", Namespace, "get", "pushchannels", "--ignore-not-found", "-o", "name")
	if err != nil {
		return err
	}
	if err := w.freshSimulator(ctx); err != nil {
		return err
	}
	if err := w.makeRoom(ctx); err != nil {
		return err
	}
	err = w.do(ctx,
		[]string{"apply", "--server-side", "-k", w.Store.sample()},
		// The operator works where it is told to, and talks to nobody but the vendors unless it is told to.
		[]string{
			"-n", managerNamespace, "set", "env", "deployment/offlinepush-manager",
			"OFFLINEPUSH_NAMESPACES=" + Namespace, "OFFLINEPUSH_ALLOWED_ENDPOINTS=" + simulatorHost,
		},
		[]string{"-n", managerNamespace, "rollout", "status", "deployment/offlinepush-manager", "--timeout=180s"},
		[]string{"-n", Namespace, "rollout", "status", "deployment/vendorsim", "--timeout=180s"})
	if err != nil {
		return err
	}
	if err := w.awaitStore(ctx); err != nil {
		return err
	}
	if leftover != "" {
		if err := w.askAgain(ctx); err != nil {
			return err
		}
	}
	err = w.do(ctx,
		[]string{"-n", Namespace, "wait", "--for=condition=Ready", "pushchannels", "--all", "--timeout=180s"},
		[]string{"-n", Namespace, "wait", "--for=condition=Ready", "pushapp/chat", "--timeout=180s"})
	if err != nil {
		return err
	}
	return w.Connect(ctx)
}

// do tells and runs commands whose output matters only when they fail.
func (w *World) do(ctx context.Context, commands ...[]string) error {
	for _, args := range commands {
		w.Say("    $ kubectl %s", strings.Join(args, " "))
		if _, err := w.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// freshSimulator ends a simulator that remembers another run: its secrets may
// have been rotated since, while the quickstart's are applied again.
func (w *World) freshSimulator(ctx context.Context) error {
	_, err := w.Kubectl(ctx, "-n", Namespace, "delete", "deployment/vendorsim", "--ignore-not-found", "--cascade=foreground", "--wait")
	return err
}

// askAgain suspends the channels of another run and sets them going again: a
// vendor that refused a credential then is not asked about it again otherwise.
func (w *World) askAgain(ctx context.Context) error {
	patch := func(suspend string) []string {
		return []string{"-n", Namespace, "patch", "pushchannel/fcm", "pushchannel/xiaomi", "--type=merge", "-p", `{"spec":{"suspend":` + suspend + `}}`}
	}
	return w.do(ctx,
		patch("true"),
		[]string{
			"-n", Namespace, "wait", `--for=jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Suspended`,
			"pushchannel/fcm", "pushchannel/xiaomi", "--timeout=180s",
		},
		patch("null"))
}

// Connect finds the addresses of what Install made.
func (w *World) Connect(ctx context.Context) error {
	var err error
	if w.login, err = readLogin(w.Root); err != nil {
		return err
	}
	console, err := w.field(ctx, "service/vendorsim", ".spec.clusterIP")
	if err != nil {
		return err
	}
	w.vendors = &simulator.Client{URL: "http://" + console + ":8080"}
	if err := Reach(ctx, w.vendors.URL+"/healthz"); err != nil {
		return err
	}
	if err := w.findPlanes(ctx); err != nil {
		return err
	}
	w.run = strconv.FormatInt(time.Now().Unix()%100_000, 36)
	return nil
}

// findPlanes finds the addresses of the app's Services and waits until they answer. A Service that was deleted comes back
// with another address.
func (w *World) findPlanes(ctx context.Context) (err error) {
	if w.devicePlane, err = w.url(ctx, "chat-device"); err != nil {
		return err
	}
	if w.serverPlane, err = w.url(ctx, "chat-server"); err != nil {
		return err
	}
	w.backend = client.NewServer(w.serverPlane, serverKey, AnyDispatcher())
	return w.reachPlanes(ctx)
}

// reachPlanes waits until both planes of the dispatcher answer.
func (w *World) reachPlanes(ctx context.Context) error {
	if err := Reach(ctx, w.devicePlane+"/openapi.json"); err != nil {
		return err
	}
	return Reach(ctx, w.serverPlane+"/openapi.json")
}

// Reach waits until an address answers: kube-proxy learns of a ready pod up to a second after it is ready. Each try has
// its own connection and little time: one that began when a killed dispatcher still had the address waits for ever.
func Reach(ctx context.Context, url string) error {
	asker := AnyDispatcher()
	return await(ctx, url+" to answer", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, patience/40)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := asker.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%w: HTTP %d", errNotYet, resp.StatusCode)
		}
		return nil
	})
}

// url is the address of a Service's first port; the story is told on the node,
// where cluster addresses can be reached.
func (w *World) url(ctx context.Context, service string) (string, error) {
	ip, err := w.field(ctx, "service/"+service, ".spec.clusterIP")
	if err != nil {
		return "", err
	}
	port, err := w.field(ctx, "service/"+service, ".spec.ports[0].port")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("http://%s:%s", ip, port), nil
}

// user is the name of a user of this run.
func (w *World) user(name string) string { return name + "-" + w.run }
