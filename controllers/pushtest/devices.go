package pushtest

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
	"github.com/offlinepush/operator/dispatcher/report"
)

// The CRD's limits: one answer beyond them must not keep the status from being written.
const (
	maxID        = 64
	maxChannel   = 63
	maxEvent     = 32
	maxCode      = 256
	maxMessage   = 1024
	maxMessageID = 256
	// maxWords bounds what a condition quotes.
	maxWords = 512
)

// devicesOf are the phones of an answer as the status shows them.
func devicesOf(state report.PushTestState) []pushv1.PushTestDevice {
	var devices []pushv1.PushTestDevice
	for _, d := range state.Devices {
		pushID := clip(d.PushID, maxID)
		known := slices.ContainsFunc(devices, func(k pushv1.PushTestDevice) bool { return k.PushID == pushID })
		if pushID == "" || known || len(devices) == report.MaxPushTestDevices {
			continue
		}
		devices = append(devices, pushv1.PushTestDevice{
			PushID: pushID, Channel: clip(d.Channel, maxChannel), Vendor: vendorOf(d.Vendor),
			Dispatcher: hopOf(d.Dispatcher), Push: hopOf(d.Push), Receipt: receiptOf(d.Receipt),
		})
	}
	return devices
}

// vendorOf leaves a vendor that only a newer dispatcher knows unsaid.
func vendorOf(name string) pushv1.Vendor {
	if !slices.Contains(catalog.Vendors(), catalog.Vendor(name)) {
		return ""
	}
	return pushv1.Vendor(name)
}

func hopOf(h report.PushTestHop) pushv1.PushTestHop {
	hop := pushv1.PushTestHop{
		Status: pushv1.PushTestHopPending, Code: clip(h.Code, maxCode), Message: clip(h.Message, maxMessage),
		Answer: clip(h.Answer, report.MaxPushTestAnswer), MessageID: clip(h.MessageID, maxMessageID),
	}
	switch h.Status {
	case report.HopSucceeded, report.HopFailed, report.HopSkipped, report.HopPending:
		hop.Status = pushv1.PushTestHopStatus(h.Status)
	}
	if h.LatencyMilliseconds != nil && *h.LatencyMilliseconds >= 0 {
		hop.LatencyMilliseconds = h.LatencyMilliseconds
	}
	return hop
}

func receiptOf(r *report.PushTestReceipt) *pushv1.PushTestReceipt {
	if r == nil || r.Event == "" {
		return nil
	}
	return &pushv1.PushTestReceipt{
		Event: clip(r.Event, maxEvent), Code: clip(r.Code, maxCode), Message: clip(r.Message, maxMessage), Time: timeOf(r.At),
	}
}

// addReceipts takes nothing but receipts from a later answer: a finished test stays as it ended.
func addReceipts(devices []pushv1.PushTestDevice, state report.PushTestState) {
	for _, d := range devicesOf(state) {
		for i := range devices {
			if devices[i].PushID == d.PushID && d.Receipt != nil {
				devices[i].Receipt = d.Receipt
			}
		}
	}
}

// awaitsReceipt reports whether the vendor took the push and may say later what became of it.
func awaitsReceipt(d pushv1.PushTestDevice) bool {
	return d.Push.Status == pushv1.PushTestHopSucceeded && d.Receipt == nil && catalog.Reports(catalog.Vendor(d.Vendor))
}

// vendorsOf lists the vendors of the phones once, in alphabetical order.
func vendorsOf(devices []pushv1.PushTestDevice) string {
	var names []string
	for _, d := range devices {
		if name := string(d.Vendor); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

// endOf is when the last phone had its result; zero when the dispatcher does not tell.
func endOf(state report.PushTestState) (end time.Time) {
	for _, d := range state.Devices {
		for _, at := range []time.Time{d.Dispatcher.At, d.Push.At} {
			if at.After(end) {
				end = at
			}
		}
	}
	return end
}

// timeOf has whole seconds as the API server has, so that the same answer does not look like a change.
func timeOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return new(metav1.NewTime(t.UTC().Truncate(time.Second)))
}

// clip keeps whole characters of at most limit bytes.
func clip(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
