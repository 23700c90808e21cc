//go:build e2e

package gitops

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/quickstart"
)

// What config/samples/gitops and testdata/push say.
const (
	namespace       = "chat"
	packageName     = "com.example.chat"
	serverKey       = "gitops-server-key-0001"
	registrationKey = "gitops-registration-key-0001"
	firstSecret     = "gitops-xiaomi-secret-2026"
)

// soon bounds the time until a push arrives, also one that waits for a dispatcher to load a new credential.
const soon = time.Minute

// world is the cluster, the repository, the vendor and a phone.
type world struct {
	*quickstart.World
	repo *repository
	// flux is the folder that Flux is installed from.
	flux    string
	vendors *simulator.Client
	// vendor is where the simulator is for the dispatchers, ca vouches for it.
	vendor string
	ca     []byte

	phoneID string
	seen    int64 // by the phone
	sent    int
}

// newWorld starts the vendor and the repository on the node's address, where pods reach them, and removes at the end, and
// of a run that was killed, what Flux made.
func newWorld(ctx context.Context, t *testing.T) *world {
	t.Helper()
	w := &world{World: &quickstart.World{Root: "../../..", Out: t.Output()}, flux: t.TempDir()}
	address, err := w.Kubectl(ctx, "get", "nodes", "-o", `jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}`)
	must(t, err)
	w.startVendor(t, address) //nolint:contextcheck // it runs until the test ends
	w.repo = serveRepository(ctx, t, address)
	w.clean(ctx)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Minute)
		defer cancel()
		w.clean(ctx)
	})
	return w
}

func (w *world) startVendor(t *testing.T, address string) {
	t.Helper()
	dir := t.TempDir()
	made, err := simulator.NewCertificates([]string{address}, 1)
	must(t, err)
	must(t, made.Write(dir))
	server, err := simulator.Start(simulator.Options{
		Addr: net.JoinHostPort(address, "0"), TLSDir: dir,
		Accounts: simulator.Accounts{Xiaomi: simulator.Apps[xiaomi.App]{
			Apps: []xiaomi.App{{PackageName: packageName, AppSecret: firstSecret}},
		}},
	})
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	w.vendor, w.ca, w.vendors = server.URL, made.CA, &simulator.Client{URL: server.AdminURL}
}

// clean removes Flux and what it made. Flux must run until its own objects are gone, because they have finalizers.
func (w *world) clean(ctx context.Context) {
	own, _ := w.Kubectl(ctx, "get", "crd", "kustomizations.kustomize.toolkit.fluxcd.io", "--ignore-not-found", "-o", "name")
	if own != "" {
		for _, args := range [][]string{
			{"-n", fluxNamespace, "delete", "kustomizations,gitrepositories", "--all", "--timeout=180s"},
			{"delete", "namespace", fluxNamespace, "--ignore-not-found", "--timeout=180s"},
		} {
			if err := w.do(ctx, args); err != nil {
				w.Say("    %v", err)
			}
		}
	}
	if err := w.do(ctx, []string{"delete", "namespace", namespace, "--ignore-not-found", "--timeout=180s"}); err != nil {
		w.Say("    %v", err)
	}
}

// install starts Flux and the operator, which is to serve a namespace that comes with the commit: it is not ready before.
func (w *world) install(ctx context.Context) error {
	vendor, err := url.Parse(w.vendor)
	if err != nil {
		return err
	}
	err = w.do(ctx,
		[]string{"apply", "--server-side", "-k", "config/default"},
		[]string{
			"-n", "offlinepush-system", "set", "env", "deployment/offlinepush-manager",
			"OFFLINEPUSH_NAMESPACES=" + namespace, "OFFLINEPUSH_ALLOWED_ENDPOINTS=" + vendor.Host,
		})
	if err != nil {
		return err
	}
	return w.installFlux(ctx)
}

// do tells and runs commands whose output matters only when they fail.
func (w *world) do(ctx context.Context, commands ...[]string) error {
	for _, args := range commands {
		w.Say("    $ kubectl %s", strings.Join(args, " "))
		if _, err := w.Kubectl(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// in runs kubectl in the app's namespace.
func (w *world) in(ctx context.Context, args ...string) (string, error) {
	return w.Kubectl(ctx, append([]string{"-n", namespace}, args...)...)
}

// write fills the work tree: the sample as base, and testdata/push over it.
func (w *world) write() error {
	push := filepath.Join(w.repo.tree, "push")
	if err := os.CopyFS(filepath.Join(w.repo.tree, "base"), os.DirFS(filepath.Join(w.Root, "config/samples/gitops/push"))); err != nil {
		return err
	}
	if err := os.CopyFS(push, os.DirFS("testdata/push")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(push, "ca.crt"), w.ca, 0o600); err != nil {
		return err
	}
	return w.repo.edit("push/kustomization.yaml", "@vendor@", w.vendor)
}

// plane is the address of a Service once it answers.
func (w *world) plane(ctx context.Context, service string) (string, error) {
	host, err := w.in(ctx, "get", "service", service, "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}")
	if err != nil {
		return "", err
	}
	address := "http://" + host
	return address, quickstart.Reach(ctx, address+"/openapi.json")
}

// backend is the app's own server.
func (w *world) backend(ctx context.Context) (*client.Server, error) {
	address, err := w.plane(ctx, "chat-server")
	return client.NewServer(address, serverKey, quickstart.AnyDispatcher()), err
}

// buyPhone registers a phone and binds it to bob.
func (w *world) buyPhone(ctx context.Context) error {
	p, err := w.vendors.CreatePhone(ctx, simulator.NewPhone{Vendor: "xiaomi", App: packageName})
	if err != nil {
		return err
	}
	w.phoneID = p.ID
	address, err := w.plane(ctx, "chat-device")
	if err != nil {
		return err
	}
	device, err := client.Register(ctx, address, registrationKey,
		wire.RegisterDevice{Vendor: "Xiaomi", Platform: "Android", Region: "China", Token: p.Token}, quickstart.AnyDispatcher())
	if err != nil {
		return err
	}
	backend, err := w.backend(ctx)
	if err != nil {
		return err
	}
	return backend.Bind(ctx, device.Credentials.PushID, "bob")
}

// push sends a message to bob and waits until his phone shows it.
func (w *world) push(ctx context.Context, title string) error {
	backend, err := w.backend(ctx)
	if err != nil {
		return err
	}
	w.sent++
	_, err = backend.Send(ctx, wire.SendMessage{
		ClientID: fmt.Sprintf("gitops-%d", w.sent), From: "alice", To: []string{"bob"}, Body: "hello",
		Push: &wire.Push{Title: title, Content: "Are you there?"},
	})
	if err != nil {
		return err
	}
	arrivals, err := w.vendors.Notifications(ctx, w.phoneID, w.seen, soon)
	if err != nil {
		return err
	}
	if len(arrivals) != 1 || arrivals[0].Title != title {
		return fmt.Errorf("within %s the phone showed %+v, want one push: %s", soon, arrivals, title)
	}
	w.seen = arrivals[0].Seq
	w.Say("    the phone shows: %q", title)
	return nil
}
