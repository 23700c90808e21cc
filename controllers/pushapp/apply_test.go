package pushapp

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/report"
)

// TestOutdated: what needs its kubelet to refresh the configuration at once, and what has the newest anyway.
func TestOutdated(t *testing.T) {
	t.Parallel()
	at := func(hash string) *reading { return &reading{report: report.Report{Config: report.Config{Hash: hash}}} }
	for _, tt := range []struct {
		name     string
		said     *reading
		restarts int32
		want     bool
	}{
		{name: "begins"},
		{name: "does not listen yet", said: &reading{problem: "connection refused"}},
		{name: "runs on the newest", said: at("new")},
		{name: "runs on the newest after a crash", said: at("new"), restarts: 1},
		{name: "runs on another", said: at("old"), want: true},
		{name: "runs on none", said: at(""), want: true},
		{name: "crashes", said: &reading{problem: "connection refused"}, restarts: 1, want: true},
		{name: "crashed and was never asked", restarts: 1, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{}
			pod.Name = "one"
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{RestartCount: tt.restarts}}
			readings := map[string]reading{}
			if tt.said != nil {
				readings[pod.Name] = *tt.said
			}
			if got := outdated(pod, readings, "new"); got != tt.want {
				t.Errorf("outdated is %t, want %t", got, tt.want)
			}
		})
	}
}

// TestVersionOfClaim: a volume that is bound is no change, and what people do to the claim is.
func TestVersionOfClaim(t *testing.T) {
	t.Parallel()
	made := &corev1.PersistentVolumeClaim{}
	made.UID, made.ResourceVersion = "uid", "1"
	made.Labels, made.Annotations = render.Labels("chat"), map[string]string{render.AppIDAnnotation: "1000"}
	for _, tt := range []struct {
		name string
		edit func(*corev1.PersistentVolumeClaim)
		same bool
	}{
		{"bound", func(c *corev1.PersistentVolumeClaim) {
			c.ResourceVersion, c.Spec.VolumeName = "2", "pv"
			metav1.SetMetaDataAnnotation(&c.ObjectMeta, "pv.kubernetes.io/bind-completed", "yes")
		}, true},
		{"label gone", func(c *corev1.PersistentVolumeClaim) { delete(c.Labels, render.AppLabel) }, false},
		{"app id gone", func(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, render.AppIDAnnotation) }, false},
		{"made anew", func(c *corev1.PersistentVolumeClaim) { c.UID = "other" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := made.DeepCopy()
			tt.edit(now)
			if same := versionOf("PersistentVolumeClaim", now) == versionOf("PersistentVolumeClaim", made); same != tt.same {
				t.Errorf("the same version: %t, want %t", same, tt.same)
			}
		})
	}
}
