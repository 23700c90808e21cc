package pushtest

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/offlinepush/operator/controllers/render"
)

// TestRanked asks the likeliest first, and equals in turns.
func TestRanked(t *testing.T) {
	t.Parallel()
	pod := func(address, revision string, ready corev1.ConditionStatus) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{render.RevisionLabel: revision}},
			Status: corev1.PodStatus{
				PodIP: address, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}},
			},
		}
	}
	first := map[string]int{}
	for range 100 {
		got := ranked([]corev1.Pod{
			pod("old", "1", corev1.ConditionTrue), pod("starting", "2", corev1.ConditionFalse), pod("", "2", corev1.ConditionTrue),
			pod("a", "2", corev1.ConditionTrue), pod("old-starting", "1", corev1.ConditionFalse), pod("b", "2", corev1.ConditionTrue),
		}, "2")
		if len(got) != 5 || !slices.Equal(got[2:], []string{"starting", "old", "old-starting"}) {
			t.Fatalf("order is %v", got)
		}
		first[got[0]]++
	}
	if first["a"] == 0 || first["b"] == 0 {
		t.Errorf("always in the same order: %s", fmt.Sprint(first))
	}
}
