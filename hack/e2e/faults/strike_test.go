//go:build e2e

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// revoke ends a secret at the vendor, which shows when somebody is pushed to.
func revoke(s *space) {
	s.must(s.vendors.Revoke(s.t.Context(), "xiaomi", packageName))
	s.must(s.send(s.owner))
}

// rotate gets a new secret from the vendor and applies it.
func rotate(s *space) {
	app, err := s.vendors.RotateXiaomiApp(s.t.Context(), packageName, "")
	s.must(err)
	s.secret("xiaomi-credential", map[string]string{"appSecret": app.AppSecret})
}

// invalidate lets a vendor call every token invalid, as it does when the credential is another app's.
func invalidate(s *space) {
	var phones []*handset
	for range 6 {
		phones = append(phones, s.phone("xiaomi"))
	}
	s.must(s.vendors.SetFault(s.t.Context(), "xiaomi", traffic.Fault{Code: "20301", Path: "/message/"}))
	for _, h := range append(phones, s.owner) { // the owner's last: the first tokens are believed to be invalid
		s.must(s.send(h))
	}
}

// trouble lets Xiaomi's answers go wrong for some pushes and all that come after.
func (s *space) trouble(f traffic.Fault, pushes int) {
	s.t.Helper()
	f.Path = "/message/"
	s.must(s.vendors.SetFault(s.t.Context(), "xiaomi", f))
	for range pushes {
		s.must(s.send(s.owner))
	}
}

func (s *space) calm(vendor string) {
	s.t.Helper()
	s.must(s.vendors.ClearFault(s.t.Context(), vendor))
}

// askAgain suspends a channel until its app does so, and sets it going again.
func (s *space) askAgain() {
	s.t.Helper()
	s.patch(xiaomiChannel, `{"spec":{"suspend":true}}`)
	s.in("wait", `--for=jsonpath={.status.channels[?(@.name=="xiaomi")].reason}=Suspended`, theApp, "--timeout=180s")
	s.wait("ConfigApplied", "True", theApp)
	s.patch(xiaomiChannel, `{"spec":{"suspend":null}}`)
}

func (s *space) addChannel(row string) {
	s.t.Helper()
	s.in("patch", theApp, "--type=json", "-p", `[{"op":"add","path":"/spec/channels/-","value":`+row+`}]`)
}

func (s *space) dropChannel() {
	s.t.Helper()
	s.in("patch", theApp, "--type=json", "-p", fmt.Sprintf(`[{"op":"remove","path":"/spec/channels/%d"}]`, len(channels)))
}

// addApp is an app like the first, whose volumes nobody offers yet.
func addApp(s *space) {
	app := s.decode([]byte(s.in("get", theApp, "-o", "json")))
	spec := app["spec"].(object)
	spec["appID"] = "second"
	spec["store"].(object)["sqlite"].(object)["storageClassName"] = s.name + "-later"
	_, name, _ := strings.Cut(laterApp, "/")
	s.apply(object{"apiVersion": app["apiVersion"], "kind": app["kind"], "metadata": object{"name": name, "namespace": s.name}, "spec": spec})
}

// signal reaches the app's dispatcher; the test runs on its node, as root.
func (s *space) signal(sig syscall.Signal) {
	s.t.Helper()
	uid := s.in("get", "pods", "-l", "offlinepush.io/app=chat", "-o", "jsonpath={.items[0].metadata.uid}")
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	s.must(err)
	for _, file := range groups {
		group, _ := os.ReadFile(file) // the process may have ended
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if !strings.Contains(string(group), uid) || !strings.HasPrefix(string(command), "/dispatcher\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		s.must(err)
		s.must(syscall.Kill(pid, sig))
		return
	}
	s.t.Fatal("the dispatcher has no process on this node: run this on the node, as root")
}

// file is one of the sample.
func (s *space) file(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "config/samples/quickstart", name))
	s.must(err)
	return string(b)
}
