package tracing

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/offlinepush/operator/dispatcher/message"
)

// The names of the spans; that of a request is its method and route.
const (
	AcceptSpan = "accept"
	ExpandSpan = "expand"
	PushSpan   = "push"
)

// The attributes of all spans. Their values are names of the configuration, numbers and closed sets.
const (
	Plane     = attribute.Key("offlinepush.plane")
	Method    = attribute.Key("http.request.method")
	Route     = attribute.Key("http.route")
	Status    = attribute.Key("http.response.status_code")
	Messages  = attribute.Key("offlinepush.messages")
	Kind      = attribute.Key("offlinepush.kind")
	Receivers = attribute.Key("offlinepush.receivers")
	Targets   = attribute.Key("offlinepush.targets")
	Channel   = attribute.Key("offlinepush.channel")
	Vendor    = attribute.Key("offlinepush.vendor")
	Class     = attribute.Key("offlinepush.class")
	Attempt   = attribute.Key("offlinepush.attempt")
	Accepted  = attribute.Key("offlinepush.accepted")
	Outcome   = attribute.Key("offlinepush.outcome")
	Reason    = attribute.Key("offlinepush.reason")
)

// Attributes lists them all.
func Attributes() []attribute.Key {
	return []attribute.Key{
		Plane, Method, Route, Status, Messages, Kind, Receivers, Targets, Channel, Vendor, Class, Attempt, Accepted, Outcome, Reason,
	}
}

// Stored is a message, or the next part of the receivers of one for many, that was decided and stored.
type Stored struct {
	MessageID string
	Kind      message.Kind
	// Receivers are users, Targets the devices to be pushed.
	Receivers, Targets int
	Began, Ended       time.Time
}

func (s Stored) span(name string) span {
	return span{
		name: name, kind: trace.SpanKindInternal, began: s.Began, ended: s.Ended,
		attributes: []attribute.KeyValue{Kind.String(string(cmp.Or(s.Kind, message.KindChat))), Receivers.Int(s.Receivers), Targets.Int(s.Targets)},
	}
}

// Accept tells that a message was accepted: the root of its trace, linked with the request that brought it.
func (t *Tracer) Accept(ctx context.Context, m Stored) {
	p := t.on()
	if p == nil {
		return
	}
	root, told := p.messageRoot(m.MessageID)
	by, _ := ctx.Value(requestKey{}).(*Request)
	if by != nil {
		by.note(root, told)
	}
	if !told {
		return
	}
	s := m.span(AcceptSpan)
	s.ids = root
	if by != nil {
		s.links = []trace.Link{{SpanContext: by.ids}}
	}
	p.tell(ctx, s)
}

// Expand tells that a message for many was brought to a part of its receivers.
func (t *Tracer) Expand(ctx context.Context, m Stored) {
	p := t.on()
	if p == nil {
		return
	}
	if root, told := p.messageRoot(m.MessageID); told {
		s := m.span(ExpandSpan)
		s.ids, s.parent = newIDs(root), root
		p.tell(ctx, s)
	}
}

// Call is a vendor call that was answered, or was not in time.
type Call struct {
	MessageID       string
	Channel, Vendor string
	Class           message.Priority
	// Attempt counts from 1, Targets are the devices and Accepted those that the vendor took.
	Attempt, Targets, Accepted int
	// Outcome is the worst one, and Reason what it ended the pushes with; empty when they are tried again.
	Outcome      message.Outcome
	Reason       string
	Began, Ended time.Time
}

// Push tells of a vendor call.
func (t *Tracer) Push(ctx context.Context, c Call) {
	p := t.on()
	if p == nil {
		return
	}
	root, told := p.messageRoot(c.MessageID)
	if !told {
		return
	}
	s := span{
		name: PushSpan, kind: trace.SpanKindClient, ids: newIDs(root), parent: root, began: c.Began, ended: c.Ended,
		attributes: []attribute.KeyValue{
			Channel.String(c.Channel), Vendor.String(c.Vendor), Class.String(className(c.Class)), Attempt.Int(c.Attempt),
			Targets.Int(c.Targets), Accepted.Int(c.Accepted), Outcome.String(string(c.Outcome.Class)), Reason.String(c.Reason),
			Status.Int(c.Outcome.HTTPStatus),
		},
	}
	if c.Outcome.Class != message.Accepted {
		s.failed = string(c.Outcome.Class)
	}
	p.tell(ctx, s)
}

func className(p message.Priority) string {
	switch p {
	case message.PriorityCall:
		return "call"
	case message.PriorityMessage:
		return "message"
	case message.PriorityBulk:
		return "bulk"
	}
	return ""
}
