package ingress

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

type sendInput struct{ Body wire.SendMessage }

type sendOutput struct {
	Status int
	Body   wire.Sent
}

func (p *serverPlane) send(ctx context.Context, in *sendInput) (*sendOutput, error) {
	result := p.deps.Acceptor.Accept(ctx, []accept.Request{requestOf(in.Body)})[0]
	if result.Err != nil {
		return nil, result.Err
	}
	return answerOf(in.Body.To, result), nil
}

// answerOf is 202, or 200 when the same request was accepted before.
func answerOf(to []string, r accept.Result) *sendOutput {
	return &sendOutput{Status: acceptedAs(r.Duplicate), Body: sentOf(to, r)}
}

func acceptedAs(duplicate bool) int {
	if duplicate {
		return http.StatusOK
	}
	return http.StatusAccepted
}

type batchInput struct{ Body wire.SendBatch }

type batchOutput struct{ Body wire.BatchResults }

func (p *serverPlane) sendBatch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	if f := p.rates.class(rateMessages, len(in.Body.Messages)); f != nil {
		return nil, f
	}
	reqs := make([]accept.Request, len(in.Body.Messages))
	for i, m := range in.Body.Messages {
		reqs[i] = requestOf(m)
	}
	out := &batchOutput{Body: wire.BatchResults{Results: make([]wire.BatchResult, len(reqs))}}
	for i, r := range p.deps.Acceptor.Accept(ctx, reqs) {
		if r.Err != nil {
			f := p.failureOf(ctx, r.Err).locate(fmt.Sprintf("body.messages[%d]", i))
			out.Body.Results[i].Problem = &f.Problem
			continue
		}
		out.Body.Results[i].Sent = new(sentOf(in.Body.Messages[i].To, r))
	}
	return out, nil
}

func requestOf(m wire.SendMessage) accept.Request {
	r := accept.Request{
		ClientID: m.ClientID, From: m.From, To: m.To, Body: m.Body, Kind: message.Kind(m.Kind),
		PushTTL: seconds(m.PushTTLSeconds), Push: pushOf(m.Push),
	}
	return r
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }

func pushOf(p *wire.Push) *message.PushConfig {
	if p == nil {
		return nil
	}
	return p.Config()
}

// sentOf is the answer about the receivers, in their order.
func sentOf(to []string, r accept.Result) wire.Sent {
	out := wire.Sent{MessageID: r.MessageID, Duplicate: r.Duplicate, Recipients: make([]wire.Recipient, len(to))}
	for i, u := range to {
		out.Recipients[i] = wire.Recipient{UserID: u, Problem: problemText(r.Problems[i])}
		if r.Problems[i] == nil {
			out.Recipients[i].Seq = r.Seqs[u]
		}
	}
	return out
}

// problemText is what must hold, for a list that names the receiver itself.
func problemText(err error) string {
	if e, ok := errors.AsType[*message.FieldError](err); ok {
		return e.Problem
	}
	return ""
}

type messageInput struct {
	MessageID string `path:"messageID" maxLength:"64" doc:"The message, as in the answer to its request."`
}

type traceOutput struct{ Body wire.Trace }

func (p *serverPlane) trace(ctx context.Context, in *messageInput) (*traceOutput, error) {
	lines, err := p.deps.Store.Trace(ctx, in.MessageID)
	if err != nil {
		return nil, err
	}
	m, err := p.deps.Store.Message(ctx, in.MessageID)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // which outlives the message by its own retention
		return nil, err
	}
	out := wire.Trace{
		MessageID: in.MessageID, Kind: string(m.Kind), Of: m.Detail.Of, Recalled: m.Recalled, Devices: make([]wire.TraceDevice, len(lines)),
	}
	for i, l := range lines {
		out.Devices[i] = traceOf(l)
	}
	return &traceOutput{Body: out}, nil
}

func traceOf(l store.Trace) wire.TraceDevice {
	out := wire.TraceDevice{
		UserID: l.UserID, PushID: l.PushID, Channel: l.Channel, Rule: l.Rule, State: string(l.State), Reason: l.Reason,
		Code: l.Code, Detail: l.Detail, VendorMessageID: l.VendorMessageID, At: l.At,
	}
	for _, r := range l.Receipts {
		out.Receipts = append(out.Receipts, wire.Receipt{Event: string(r.Event), Code: r.Code, Reason: r.Reason, At: r.At})
	}
	return out
}
