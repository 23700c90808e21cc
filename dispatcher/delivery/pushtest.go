package delivery

import (
	"context"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

// TokenKind is which of a device's tokens a push goes to through a channel row.
func TokenKind(doc *config.Document, resourcesID string, row config.Channel) message.TokenKind {
	return provider.Notification{Setting: setting(doc, resourcesID, row)}.TokenKind()
}

// overhear keeps the vendor's answer if the message is a push test.
func (a *attempt) overhear(ctx context.Context, m message.Message) context.Context {
	if m.Sender != message.PushTestSender {
		return ctx
	}
	a.transcript = &provider.Transcript{}
	return provider.WithTranscript(ctx, a.transcript)
}

// noteAnswer stores what the vendor answered to a push test. Trouble of the store loses the answer and no more.
func (a *attempt) noteAnswer(ctx context.Context, pass []live, outcomes []message.Outcome) {
	if a.transcript == nil {
		return
	}
	quote := a.transcript.Quote(report.MaxPushTestAnswer, a.hidden(pass)...)
	for i, l := range pass {
		o := outcomes[i]
		err := a.store.NotePushTestAnswer(ctx, a.delivery.MessageID, l.target.Device, store.PushTestAnswer{
			Class: o.Class, Code: o.Code, Detail: o.Detail, Body: quote, Took: a.transcript.Took(), At: a.store.Now(),
		})
		if err != nil {
			a.log.Warn("the vendor's answer to a push test is lost", "channel", a.name, "delivery", a.delivery.ID, "error", err)
		}
	}
}

// hidden are the texts of a call that nobody may read: credential, tokens and receipt URL.
func (a *attempt) hidden(pass []live) (hide []string) {
	doc, _ := a.live.Current()
	hide = append(hide, doc.ReceiptURL(a.name).Reveal(), doc.ReceiptSecret(a.name).Reveal())
	for part := range strings.SplitSeq(a.sender.row.Credential().Reveal(), "\x00") {
		hide = append(hide, provider.SecretParts(part)...)
	}
	for _, l := range pass {
		hide = append(hide, provider.SecretParts(l.state.Token.Value)...)
	}
	return hide
}
