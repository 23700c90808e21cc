package pushapp_test

import (
	"fmt"
	"strings"
	"testing"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/managertest"
)

// TestVolumeThatDoesNotChange asks for sizes that the API server refuses: the status names the field and the cure, everything
// else is applied, and the former size is well again.
func TestVolumeThatDoesNotChange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, size, cure string
	}{
		{"grow", "2Gi", "cannot grow to 2Gi: set it back to 1Gi, or let its StorageClass %s expand volumes (allowVolumeExpansion)"},
		{"shrink", "512Mi", "cannot shrink to 512Mi: set it back to at least 1Gi"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			class := &storagev1.StorageClass{
				ObjectMeta: metav1.ObjectMeta{Name: s.namespace}, Provisioner: "example.com/disks", AllowVolumeExpansion: new(false),
			}
			suite.Create(t, class)
			s.app.Spec.Store.SQLite = &pushv1.SQLiteStore{StorageClassName: new(class.Name)}
			pod := s.launch(t)
			_, before := s.document(t)

			s.resize(t, tt.size, 7200)
			await(t, s.app, "ConfigApplied=False/InvalidSpec", "StoreReady=True/StoreReady", "Ready=False/InvalidSpec", "Stalled=True/InvalidSpec")
			message := meta.FindStatusCondition(s.app.Status.Conditions, pushv1.ConditionReady).Message
			want := tt.cure
			if strings.Contains(want, "%s") {
				want = fmt.Sprintf(want, class.Name)
			}
			if !strings.HasPrefix(message, "spec.store.sqlite.size: PersistentVolumeClaim chat-data has 1Gi and "+want) {
				t.Errorf("the status says %q, want %q", message, want)
			}
			if _, after := s.document(t); after == before {
				t.Error("the size keeps the configuration from being applied")
			}
			s.told(t, "Warning InvalidSpec")

			s.resize(t, "1Gi", 7200)
			s.converge(t, pod)
		})
	}
}

// TestVolumeThatIsNotBound has a size until it is.
func TestVolumeThatIsNotBound(t *testing.T) {
	t.Parallel()
	s := stage(t)
	suite.Create(t, s.app)
	await(t, s.app, "StoreReady=False/VolumePending")
	s.resize(t, "2Gi", 7200)
	await(t, s.app, "ConfigApplied=False/VolumePending", "Reconciling=True/VolumePending", "Stalled=absent")
	if message := meta.FindStatusCondition(s.app.Status.Conditions, pushv1.ConditionReady).Message; !strings.Contains(message, "spec.store.sqlite.size") ||
		!strings.Contains(message, "is not bound yet, and has 1Gi until then") {
		t.Errorf("the status says %q", message)
	}
	s.resize(t, "1Gi", 7200)
	await(t, s.app, "ConfigApplied=False/ConfigPending")
}

// resize changes the volume's size together with something else.
func (s scene) resize(t *testing.T, size string, ttl int32) {
	t.Helper()
	managertest.Change(t, suite, s.app, func(a *pushv1.PushApp) {
		a.Spec.Store.SQLite.Size = resource.MustParse(size)
		a.Spec.Routing.PushTTLSeconds = ttl
	})
}
