package pushtest

import (
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// state is how far a test is, by what the store says of its devices. The last one tells of those that are left out.
func state(t store.PushTest, lines []store.Trace, now time.Time) report.PushTestState {
	out := report.PushTestState{MessageID: t.Message.ID, StartedAt: t.Message.CreatedAt}
	byDevice := map[int64]store.Trace{}
	for _, l := range lines {
		byDevice[l.Device] = l
	}
	for _, d := range t.Devices {
		h := hops{test: t, device: d, line: byDevice[d.Device], now: now}
		out.Devices = append(out.Devices, report.PushTestDevice{
			PushID: d.PushID, Channel: d.Channel, Vendor: d.Vendor, Dispatcher: h.dispatcher(), Push: h.push(), Receipt: h.receipt(),
		})
	}
	if t.LeftOut > 0 {
		last := &out.Devices[len(out.Devices)-1].Dispatcher
		last.Message += fmt.Sprintf("; %d more devices of the user are left out, a test has at most %d", t.LeftOut, report.MaxPushTestDevices)
	}
	return out
}

// hops is what is known of one device.
type hops struct {
	test   store.PushTest
	device store.TestedDevice
	// line is zero when the store says nothing of the device.
	line store.Trace
	now  time.Time
}

// stopped is why the dispatcher did not push, at the start or later; empty when it did or may.
func (h hops) stopped() (reason string, at time.Time) {
	switch {
	case h.device.Refused != "":
		return h.device.Refused, h.test.Message.CreatedAt
	case h.line.State == message.Cancelled, h.line.State == message.Quarantined && h.line.Reason == message.ReasonNoToken:
		return h.line.Reason, h.line.At
	}
	return "", time.Time{}
}

// dispatcher is the hop of the decision.
func (h hops) dispatcher() report.PushTestHop {
	reason, at := h.stopped()
	if reason == "" {
		return report.PushTestHop{
			Status: report.HopSucceeded, Message: "queued for channel row " + h.device.Channel,
			MessageID: h.test.Message.ID, At: h.test.Message.CreatedAt,
		}
	}
	return report.PushTestHop{Status: report.HopFailed, Code: reason, Message: words(reason, h.device), At: at}
}

// words explain why the dispatcher did not push, and name the cure.
func words(reason string, d store.TestedDevice) string {
	switch reason {
	case message.ReasonNoChannel:
		return "no channel row serves this vendor, appType, region and environment; add one to the PushApp, or correct the app's registration"
	case message.ReasonAmbiguous:
		return "several channel rows serve this vendor, appType, region and environment; leave one of them in the PushApp"
	case message.ReasonSuspended:
		return "channel row " + d.Channel + " is suspended; set spec.suspend of its PushChannel to false"
	case message.ReasonNoToken:
		return "the device has no token that works; the vendor called it invalid, or the app registered none: let the app register a new one"
	case message.ReasonSessionOnly:
		return "the device registered without a vendor: it only has sessions; let the app register with its vendor and token"
	case message.ReasonFenced:
		return "the device changed hands before the push; make another test"
	}
	return "the push was cancelled"
}

// push is the hop of the vendor.
func (h hops) push() report.PushTestHop {
	if reason, _ := h.stopped(); reason != "" {
		return report.PushTestHop{Status: report.HopSkipped, Message: "the dispatcher did not push"}
	}
	out := report.PushTestHop{
		Status: report.HopPending, Code: h.line.Code, Message: h.line.Detail, MessageID: h.line.VendorMessageID, At: h.line.At,
	}
	if out.Code == "" && h.line.State != message.Handed {
		out.Code = h.line.Reason
	}
	if a := h.device.Answer; a != nil {
		if out.Answer = a.Body; a.Took > 0 { // some pushes are refused without a call
			out.LatencyMilliseconds = new(a.Took.Milliseconds())
		}
	}
	switch h.ended() {
	case message.Handed:
		out.Status = report.HopSucceeded
	case message.Failed, message.Quarantined, message.Suppressed:
		out.Status = report.HopFailed
	case message.Expired:
		h.expire(&out)
	case message.Pending, message.Cancelled, "":
		if h.now.After(h.test.Message.PushExpiresAt.Add(grace)) { // its row waits for a channel that takes nothing
			h.expire(&out)
		}
	}
	return out
}

// receipt is what the vendor reported last; nil when it reported nothing.
func (h hops) receipt() *report.PushTestReceipt {
	if len(h.line.Receipts) == 0 {
		return nil
	}
	r := h.line.Receipts[len(h.line.Receipts)-1]
	return &report.PushTestReceipt{Event: string(r.Event), Code: r.Code, Message: r.Reason, At: r.At}
}

// ended is the state that the device's push is in. What the store has forgotten is known by its answer.
func (h hops) ended() message.State {
	if a := h.device.Answer; h.line.State == "" && a != nil && a.Class == message.Accepted {
		return message.Handed
	}
	return h.line.State
}

// expire ends the hop for want of time.
func (h hops) expire(hop *report.PushTestHop) {
	hop.Status, hop.Code = report.HopFailed, message.ReasonTTL
	if hop.At.IsZero() {
		hop.At = h.test.Message.PushExpiresAt
	}
	hop.Message = fmt.Sprintf("not pushed within %s; channel row %s took nothing, see its state in the PushApp", timeToLive, h.device.Channel)
	if a := h.device.Answer; a != nil {
		hop.Message = fmt.Sprintf("not pushed within %s; the last try ended with %s", timeToLive, a.Class)
		if a.Code != "" {
			hop.Message += " " + a.Code
		}
		if a.Detail != "" {
			hop.Message += ": " + a.Detail
		}
	}
}
