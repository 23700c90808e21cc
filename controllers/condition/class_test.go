package condition

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/tools/events"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// TestEveryReasonHasOneClass: whoever adds a reason decides whether its events ask somebody to act.
func TestEveryReasonHasOneClass(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../api/v1alpha1/reason_types.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, constant := range regexp.MustCompile(`(?m)^\tReason\w+ += "(\w+)"$`).FindAllStringSubmatch(string(text), -1) {
		reasons = append(reasons, constant[1])
	}
	if len(reasons) < 50 {
		t.Fatalf("only %d reasons were found in the code", len(reasons))
	}
	var classed []string
	for _, of := range classes {
		classed = append(classed, of...)
	}
	slices.Sort(reasons)
	slices.Sort(classed)
	if !slices.Equal(reasons, classed) {
		t.Errorf("the reasons are\n%v\nand those of the classes\n%v", reasons, classed)
	}
}

// TestNormalReasonsAreDocumented: people read which events they may leave alone.
func TestNormalReasonsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/spec/pushapp.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Events\n")
	_, list, _ := strings.Cut(section, "in all kinds:\n")
	list, _, _ = strings.Cut(list, "\n## ")
	var told []string
	for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(list, -1) {
		told = append(told, name[1])
	}
	want := slices.Sorted(slices.Values(classes[underway]))
	if !slices.Equal(told, want) {
		t.Errorf("docs/spec/pushapp.md lists %v, want %v", told, want)
	}
}

// TestWhatStallsIsAWarning: what only people can cure is one whatever its reason, also when it was waited for before.
func TestWhatStallsIsAWarning(t *testing.T) {
	t.Parallel()
	recorder := events.NewFakeRecorder(4)
	app := &pushv1.PushApp{}
	for _, severity := range []Severity{Pending, Stuck, Stuck, Pending} {
		before := slices.Clone(app.Status.Conditions)
		facts := []Fact{False(pushv1.ConditionChannelsReady, pushv1.ReasonChannelNotReady, "no", severity)}
		Set(&app.Status.Conditions, 1, Ready(facts), facts)
		Announce(recorder, app, before, app.Status.Conditions)
	}
	close(recorder.Events)
	var told []string
	for event := range recorder.Events {
		told = append(told, event)
	}
	want := []string{"Normal ChannelNotReady no", "Warning ChannelNotReady no", "Normal ChannelNotReady no"}
	if !slices.Equal(told, want) {
		t.Errorf("the events are %q, want %q", told, want)
	}
}
