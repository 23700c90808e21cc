//go:build e2e

package faults

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	push "github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator"
)

const (
	root = "../../.."
	// sampleSpace is the namespace of the samples, which every space is a copy of.
	sampleSpace = "quickstart"
	// soon is what users may wait for a status to tell of a fault, and of its end.
	soon = 60 * time.Second
	// settling bounds the time until a new space is Ready; images and volumes have to be there first.
	settling = 180 * time.Second

	serverKey       = "quickstart-server-key-0001"
	registrationKey = "quickstart-registration-key-0001"
)

// space is a namespace with a simulator of the vendors and an app, apart from all others.
type space struct {
	t       *testing.T
	cluster client.Client
	name    string

	vendors *simulator.Client
	backend *push.Server
	device  string // base URL of the device plane
	sent    int
	// certificates are those of the Services, which several objects share.
	certificates map[string]simulator.Certificates
	// owner has a phone of the vendor that the fault is about.
	owner *handset
}

// channels are those that an app of a space has.
var channels = []string{"fcm", "xiaomi", "apns"}

// object is a manifest.
type object = map[string]any

// newSpace applies a copy of a sample and waits until all of it is Ready.
func newSpace(t *testing.T, s *space, sample string) *space {
	t.Helper()
	s.certificates = map[string]simulator.Certificates{}
	s.volume(s.name)
	var list []object
	for doc := range bytes.SplitSeq([]byte(s.kubectl("kustomize", "config/samples/"+sample)), []byte("\n---\n")) {
		if o := s.move(doc); o != nil {
			list = append(list, o)
		}
	}
	t.Cleanup(func() {
		s.remove("namespace", spaceLabel+"="+s.name)
		s.remove("pv,storageclass", spaceLabel+"="+s.name)
	})
	s.apply(list...)
	s.in("rollout", "status", "deployment/vendorsim", "--timeout=180s")
	if sample == "quickstart-postgres" {
		s.in("rollout", "status", "statefulset/postgres", "--timeout=180s")
	}
	s.wait("Ready", "True", "pushchannels", "--all")
	s.wait("Ready", "True", "pushapp/chat")
	s.vendors = &simulator.Client{URL: s.address("vendorsim", "admin")}
	s.device = s.address("chat-device", "http")
	s.backend = push.NewServer(s.address("chat-server", "http"), serverKey, oneTry())
	return s
}

// move makes a sample's object the space's own; nil leaves it out.
func (s *space) move(doc []byte) object {
	s.t.Helper()
	o := s.decode(bytes.ReplaceAll(doc, []byte("."+sampleSpace+".svc"), []byte("."+s.name+".svc")))
	meta := o["metadata"].(object)
	if meta["namespace"] != nil {
		meta["namespace"] = s.name
	}
	switch kind, name := o["kind"].(string), meta["name"].(string); {
	case kind == "Namespace":
		meta["name"] = s.name
	case kind == "PushChannel" && !slices.Contains(channels, name):
		return nil
	case kind == "PushApp":
		s.fit(o["spec"].(object))
	case name == "vendorsim-tls" || name == "vendorsim-ca":
		return s.identify(o, "vendorsim")
	case name == "postgres-tls" || name == "chat-postgres":
		return s.identify(o, "postgres")
	}
	return o
}

// fit gives the app the channels and the volume that the space has.
func (s *space) fit(spec object) {
	spec["channels"] = slices.DeleteFunc(spec["channels"].([]any), func(row any) bool {
		return !slices.Contains(channels, row.(object)["name"].(string))
	})
	if store, ok := spec["store"].(object)["sqlite"].(object); ok {
		store["storageClassName"] = s.name
		return
	}
	spec["dispatcher"].(object)["replicas"] = 2
}

// identify puts certificates for a Service of the space into a Secret or ConfigMap.
func (s *space) identify(o object, service string) object {
	s.t.Helper()
	made, known := s.certificates[service]
	if !known {
		made = certificates(s.t, service+"."+s.name+".svc")
		s.certificates[service] = made
	}
	files := map[string][]byte{"ca.crt": made.CA, "tls.crt": made.Cert, "tls.key": made.Key}
	data := o["data"].(object)
	for name, old := range data {
		content, ok := files[name]
		switch {
		case !ok && o["kind"] == "Secret": // the URI of the database
			text, err := base64.StdEncoding.DecodeString(old.(string))
			s.must(err)
			data[name] = base64.StdEncoding.EncodeToString(bytes.ReplaceAll(text, []byte(sampleSpace+".svc"), []byte(s.name+".svc")))
		case o["kind"] == "Secret":
			data[name] = base64.StdEncoding.EncodeToString(content)
		default:
			data[name] = string(content)
		}
	}
	return o
}

// volume makes a StorageClass with one volume on this node.
func (s *space) volume(class string) {
	s.t.Helper()
	dir, err := os.MkdirTemp("", class)
	s.must(err)
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what the kubelet still holds goes with the node
	name := object{"name": class}
	s.apply(
		object{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": name,
			"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
		},
		object{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": name, "spec": object{
			"capacity": object{"storage": "1Gi"}, "accessModes": []string{"ReadWriteOncePod"}, "storageClassName": class,
			"persistentVolumeReclaimPolicy": "Retain", "local": object{"path": dir},
			"nodeAffinity": object{"required": object{"nodeSelectorTerms": []object{{"matchExpressions": []object{{
				"key": "kubernetes.io/hostname", "operator": "Exists",
			}}}}}},
		}})
}

// remove deletes what a space has; the next one needs the node's room.
func (s *space) remove(kinds, selector string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), settling)
	defer cancel()
	if _, err := kubectl(ctx, nil, "delete", kinds, "-l", selector, "--wait"); err != nil {
		s.t.Log(err)
	}
}

// admit makes a namespace that lets the operator in; the operator waits for every namespace that it is told of.
func (s *space) admit(name string) {
	s.t.Helper()
	binding := s.decode([]byte(s.file("access.yaml")))
	binding["metadata"].(object)["namespace"] = name
	s.apply(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}}, binding)
}

// address is a port of a Service; the test runs on the node, where cluster addresses can be reached.
func (s *space) address(service, port string) string {
	s.t.Helper()
	out := s.in("get", "service", service, "-o", `jsonpath={.spec.clusterIP}:{.spec.ports[?(@.name=="`+port+`")].port}`)
	return "http://" + out
}

// apply applies manifests as their only author.
func (s *space) apply(list ...object) {
	s.t.Helper()
	for _, o := range list {
		meta := o["metadata"].(object)
		meta["labels"] = merge(meta["labels"], object{spaceLabel: orElse(namespaceOf(o), s.name)})
	}
	b, err := json.Marshal(object{"apiVersion": "v1", "kind": "List", "items": list})
	s.must(err)
	_, err = kubectl(s.t.Context(), b, "apply", "--server-side", "--force-conflicts", "-f", "-")
	s.must(err)
}

// namespaceOf is the namespace that a manifest is or lies in.
func namespaceOf(o object) string {
	meta := o["metadata"].(object)
	if o["kind"] == "Namespace" {
		return meta["name"].(string)
	}
	namespace, _ := meta["namespace"].(string)
	return namespace
}

func merge(old any, more object) object {
	if labels, ok := old.(object); ok {
		maps.Copy(more, labels)
	}
	return more
}

// patch changes an object of the space by a JSON merge patch.
func (s *space) patch(what, patch string) {
	s.t.Helper()
	s.in("patch", what, "--type=merge", "-p", patch)
}

// secret replaces the entries of a Secret: whoever applies it owns them.
func (s *space) secret(name string, entries map[string]string) {
	s.t.Helper()
	data := object{}
	for key, text := range entries {
		data[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	s.apply(object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": name, "namespace": s.name}, "data": data})
}

func (s *space) decode(doc []byte) object {
	s.t.Helper()
	var o object
	s.must(yaml.Unmarshal(doc, &o))
	return o
}

func certificates(t *testing.T, host string) simulator.Certificates {
	t.Helper()
	made, err := simulator.NewCertificates([]string{host}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// in runs kubectl in the space's namespace.
func (s *space) in(args ...string) string {
	s.t.Helper()
	return s.kubectl(append([]string{"-n", s.name}, args...)...)
}

func (s *space) kubectl(args ...string) string {
	s.t.Helper()
	out, err := kubectl(s.t.Context(), nil, args...)
	s.must(err)
	return out
}

// wait waits as users do.
func (s *space) wait(condition, status string, what ...string) {
	s.t.Helper()
	s.in(append([]string{"wait", "--for=condition=" + condition + "=" + status, fmt.Sprintf("--timeout=%.0fs", settling.Seconds())}, what...)...)
}

func (s *space) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func kubectl(ctx context.Context, in []byte, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = root, bytes.NewReader(in), &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}
