package wire

import (
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// MessageOf is an inbox entry as it travels.
func MessageOf(e message.InboxEntry) Message {
	m := e.Message
	out := Message{
		Seq: e.Seq, MessageID: m.ID, Kind: string(m.Kind), From: m.Sender, GroupID: m.Detail.GroupID, Body: m.Body,
		Of: m.Detail.Of, Recalled: m.Recalled, CreatedAt: m.CreatedAt,
	}
	if d := m.Detail.Mentions; d != nil {
		out.Mentions = &Mentions{All: d.All, UserIDs: d.UserIDs, Quiet: d.Quiet}
	}
	if d := m.Detail.Application; d != nil {
		out.Application = &Application{Type: d.Type, Action: d.Action}
	}
	if m.Detail.Call != nil {
		out.Call = new(callOf(*m.Detail.Call))
	}
	if m.Push != nil {
		out.Push = new(pushOf(*m.Push))
	}
	return out
}

func callOf(c message.CallEvent) CallEvent {
	out := CallEvent{
		CallID: c.CallID, Action: string(c.Action), State: string(c.State), Caller: c.Caller, UserID: c.UserID, Members: c.Members,
	}
	if c.ExpiresAt != 0 {
		out.ExpiresAt = new(time.UnixMilli(c.ExpiresAt).UTC())
	}
	return out
}

// pushOf is the push as its sender gave it, for an app that shows it by itself.
func pushOf(p message.PushConfig) Push {
	out := Push{
		Title: p.Title, Content: p.Content, Payload: p.Payload, ResourcesID: p.ResourcesID, ThreadID: p.ThreadID, Image: p.Image,
		EnableBadge: p.BadgeIncrement > 0, BadgeIncrement: p.BadgeIncrement, Mode: string(p.Mode),
	}
	if v := p.VoIP; v != nil {
		out.VoIPConfig = &VoIPConfig{HandleType: v.HandleType, HandleValue: v.HandleValue, HasVideo: v.HasVideo}
	}
	if t := p.Template; t != nil {
		out.PrivateMessageTemplate = &PrivateMessageTemplate{
			TemplateID: t.ID, TitleParameters: t.TitleParameters, ContentParameters: t.ContentParameters,
		}
	}
	return out
}

// Config reads a push as it travels. A badge beyond the largest step counts as that step, as in ZIM.
func (p Push) Config() *message.PushConfig {
	out := &message.PushConfig{
		Title: p.Title, Content: p.Content, Payload: p.Payload, ResourcesID: p.ResourcesID, ThreadID: p.ThreadID, Image: p.Image,
		Mode: message.PushMode(p.Mode),
	}
	if p.EnableBadge {
		out.BadgeIncrement = min(p.BadgeIncrement, message.MaxBadgeIncrement)
	}
	if v := p.VoIPConfig; v != nil {
		out.VoIP = &message.VoIP{HandleType: v.HandleType, HandleValue: v.HandleValue, HasVideo: v.HasVideo}
	}
	if t := p.PrivateMessageTemplate; t != nil {
		out.Template = &message.Template{ID: t.TemplateID, TitleParameters: t.TitleParameters, ContentParameters: t.ContentParameters}
	}
	return out
}

// CallOf is a call as it travels.
func CallOf(c message.Call) Call {
	out := Call{
		CallID: c.ID, Caller: c.Caller(), State: string(c.State), Reason: string(c.Reason), Members: make([]CallMember, len(c.Members)),
		Body: c.Body, CreatedAt: c.CreatedAt,
	}
	if !c.EndedAt.IsZero() {
		out.EndedAt = new(c.EndedAt)
	}
	for i, m := range c.Members {
		out.Members[i] = CallMember{UserID: m.UserID, State: string(m.State), Since: m.Since}
		if m.State == message.MemberInvited {
			out.Members[i].ExpiresAt = new(m.RingsUntil)
		}
	}
	return out
}
