package pushapp

import (
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/report"
)

func TestRowTellsOfQuotas(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 26, 16, 0, 0, 0, time.UTC)
	spent := report.Quota{Class: "Public", Used: 90, Limit: 100, ResetsAt: midnight, UsedUpUntil: midnight, Waiting: report.WaitingAll}
	calls, bulk, soon, unlimited := spent, spent, spent, spent
	unlimited.Limit = 0
	calls.Waiting, bulk.Waiting = report.WaitingMessages, report.WaitingBulk
	soon.Class, soon.UsedUpUntil, soon.Waiting, soon.RunsOutAt = "Default", time.Time{}, "", midnight.Add(-100*time.Minute)
	const raised = "; once the vendor raised it, set spec.suspend of the channel to true and back to go on"
	fine := report.Quota{Class: "Private", Used: 12345, ResetsAt: midnight}
	for _, tt := range []struct {
		name            string
		channel         report.Channel
		reason, message string
	}{
		{"nothing to tell", report.Channel{State: report.Delivering, Quotas: []report.Quota{fine}}, pushv1.ReasonDelivering, "the vendor takes pushes"},
		{
			"a class",
			report.Channel{State: report.Delivering, Quotas: []report.Quota{spent, fine}},
			pushv1.ReasonDelivering,
			"the vendor takes pushes; the quota of class Public is used up until 2026-11-26T16:00Z: its pushes wait",
		},
		{
			"all but calls",
			report.Channel{State: report.Delivering, Quotas: []report.Quota{calls}},
			pushv1.ReasonDelivering,
			"the vendor takes pushes; the quota of class Public is used up until 2026-11-26T16:00Z: all but calls wait",
		},
		{
			"pushes to many",
			report.Channel{State: report.NoTraffic, Quotas: []report.Quota{bulk}},
			pushv1.ReasonNoTraffic,
			"ready; nothing was sent lately; the quota of class Public is used up until 2026-11-26T16:00Z: pushes to groups and to everyone wait",
		},
		{
			"soon",
			report.Channel{State: report.Delivering, Quotas: []report.Quota{soon}},
			pushv1.ReasonDelivering,
			"the vendor takes pushes; as it goes, the quota of class Default will be used up at about 2026-11-26T14:00Z",
		},
		{
			"by the count",
			report.Channel{State: report.QuotaExhausted, Quotas: []report.Quota{spent, fine}},
			pushv1.ReasonQuotaExhausted,
			"the quota of class Public is used up until 2026-11-26T16:00Z; pushes wait for the next quota" +
				"; they go on at once when spec.limits.dailyQuotas of the channel gives more" + raised,
		},
		{
			"by the vendor's word of earlier",
			report.Channel{State: report.QuotaExhausted, Quotas: []report.Quota{unlimited}},
			pushv1.ReasonQuotaExhausted,
			"the quota of class Public is used up until 2026-11-26T16:00Z; pushes wait for the next quota" + raised,
		},
		{
			"by the vendor",
			report.Channel{State: report.QuotaExhausted, Code: "200001", Message: "quota", Quotas: []report.Quota{spent}},
			pushv1.ReasonQuotaExhausted, "Xiaomi answered 200001: quota; pushes wait for the next quota" + raised,
		},
		{
			"by an older dispatcher",
			report.Channel{State: report.QuotaExhausted},
			pushv1.ReasonQuotaExhausted,
			"Xiaomi gave no reason; pushes wait for the next quota" + raised,
		},
	} {
		pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "one"}}
		tt.channel.Name = "xiaomi"
		o := observed{pods: []corev1.Pod{pod}, readings: map[string]reading{
			"one": {report: report.Report{Channels: []report.Channel{tt.channel}}},
		}}
		r := row{spec: testenv.App("ns", "chat", "xiaomi").Spec.Channels[0], channel: testenv.XiaomiChannel("ns", "xiaomi")}
		fact := trafficOf(r, o)
		wantSeverity := condition.Fine
		if tt.reason == pushv1.ReasonQuotaExhausted {
			wantSeverity = condition.Pending
		}
		if fact.Reason != tt.reason || fact.Message != tt.message || fact.Severity != wantSeverity {
			t.Errorf("%s: %+v, want %s %q", tt.name, fact, tt.reason, tt.message)
		}
	}
}

// TestEssenceOfQuotas: the status is written again when a quota is used up or free again, and not for every push that counts.
func TestEssenceOfQuotas(t *testing.T) {
	t.Parallel()
	midnight := time.Date(2026, 11, 26, 16, 0, 0, 0, time.UTC)
	says := func(q report.Quota) map[string]reading {
		c := report.Channel{Name: "xiaomi", State: report.Delivering, Quotas: []report.Quota{q}}
		return map[string]reading{"one": {report: report.Report{Channels: []report.Channel{c}}}}
	}
	fine := report.Quota{Class: "Public", Used: 90, Limit: 100, ResetsAt: midnight}
	busier, spent, calls := fine, fine, fine
	busier.Used, busier.RunsOutAt = 95, midnight.Add(-time.Hour)
	spent.UsedUpUntil, spent.Waiting = midnight, report.WaitingAll
	calls.UsedUpUntil, calls.Waiting = midnight, report.WaitingMessages
	for _, tt := range []struct {
		name          string
		before, after report.Quota
		matters       bool
	}{
		{"a push", fine, busier, false},
		{"used up", fine, spent, true},
		{"others wait", spent, calls, true},
		{"free again", spent, fine, true},
	} {
		if got := !reflect.DeepEqual(essence(says(tt.before)), essence(says(tt.after))); got != tt.matters {
			t.Errorf("%s: matters is %t, want %t", tt.name, got, tt.matters)
		}
	}
}
