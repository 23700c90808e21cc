package pushapp

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/offlinepush/operator/controllers/render"
)

// ledger remembers what was applied and what became of it, so that an object which is still as it was left costs no call. A
// manager that starts knows nothing and applies everything once, which changes nothing.
type ledger struct {
	mu sync.Mutex
	// entries are by app, and then by kind and name.
	entries map[types.NamespacedName]map[string]entry
}

// entry is what was wanted of an object, and its version afterwards.
type entry struct {
	wanted  [sha256.Size]byte
	version string
}

// holds reports whether the app's object was applied as wanted and has the version that it had then.
func (l *ledger) holds(app types.NamespacedName, id string, e entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.entries[app][id]
	return ok && known == e
}

// store keeps what an object was applied as. The client wrote the API server's answer into it.
func (l *ledger) store(app types.NamespacedName, wanted [sha256.Size]byte, object render.Object) error {
	answer, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("reading what was applied: %w", err)
	}
	var stored metav1.PartialObjectMetadata
	if err := json.Unmarshal(answer, &stored); err != nil {
		return fmt.Errorf("reading what was applied: %w", err)
	}
	kind := *object.GetKind()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries == nil {
		l.entries = map[types.NamespacedName]map[string]entry{}
	}
	if l.entries[app] == nil {
		l.entries[app] = map[string]entry{}
	}
	l.entries[app][kind+"/"+stored.Name] = entry{wanted: wanted, version: versionOf(kind, &stored)}
	return nil
}

func (l *ledger) forget(app types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.entries, app)
}

// digest tells apart what is wanted of objects.
func digest(object render.Object) ([sha256.Size]byte, error) {
	b, err := json.Marshal(object)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("writing what is wanted: %w", err)
	}
	return sha256.Sum256(b), nil
}

// versionOf changes with everything that somebody may change of what was applied. The status of a Deployment moves all the
// time, and with it the resource version; every change of its spec raises the generation. A claim gets its volume once, and the
// spec that asked for it stands from then on.
func versionOf(kind string, object metav1.Object) string {
	if kind != "Deployment" && kind != "PersistentVolumeClaim" {
		return object.GetResourceVersion()
	}
	owner := types.UID("")
	if controller := metav1.GetControllerOfNoCopy(object); controller != nil {
		owner = controller.UID
	}
	annotations := object.GetAnnotations()
	return fmt.Sprint(object.GetUID(), object.GetGeneration(), object.GetLabels(),
		annotations[render.UpgradeAnnotation], annotations[render.AppIDAnnotation], owner)
}
