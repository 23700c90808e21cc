package quickstart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/offlinepush/operator/dispatcher/client"
)

// dispatchers selects the app's pods.
const dispatchers = "offlinepush.io/app=chat"

// pod is a running dispatcher.
type pod struct{ name, uid, ip, node string }

// server is the app's backend, which talks to this one.
func (p pod) server() *client.Server {
	return client.NewServer("http://"+p.ip+":8081", serverKey, nil)
}

// phone is the app on a handset, which talks to this one.
func (p pod) phone(h *handset) *client.Device {
	return client.Restore("http://"+p.ip+":8080", h.device.Credentials, nil)
}

// running lists the app's dispatchers that do not end.
func (w *World) running(ctx context.Context) (found []pod, err error) {
	out, err := w.Kubectl(ctx, "-n", Namespace, "get", "pods", "-l", dispatchers, "--field-selector", "status.phase=Running",
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.podIP} {.spec.nodeName} {.metadata.deletionTimestamp}{"\n"}{end}`)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 4 {
			found = append(found, pod{f[0], f[1], f[2], f[3]})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no dispatcher runs")
	}
	return found, nil
}

// crash is kill -9 of a dispatcher on this node: nobody is told, and nothing is tidied up.
func crash(p pod) error {
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return err
	}
	for _, file := range groups {
		folder := filepath.Dir(file)
		group, _ := os.ReadFile(file) // the process may have ended
		command, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		if !bytes.Contains(group, []byte(p.uid)) || !bytes.HasPrefix(command, []byte("/dispatcher\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	}
	return fmt.Errorf("pod %s has no process on this node: run this on the node, as root", p.name)
}
