package ingress

import (
	"context"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func (p *serverPlane) groupRoutes() {
	missing, conflict := http.StatusNotFound, http.StatusConflict
	register(p.plane, p.route(route{
		id: "put-group", method: http.MethodPut, path: "/v1/groups/{groupID}", summary: "Make a group, or add members to it",
		description: "The group is made when there is none; members that it has already stay.", errors: []int{conflict},
	}), p.putGroup)
	register(p.plane, p.route(route{
		id: "delete-group", method: http.MethodDelete, path: "/v1/groups/{groupID}", summary: "Delete a group",
		description: "Messages that were accepted before still reach who was a member then. A later group of the same id is another one.",
		errors:      []int{missing, http.StatusUnprocessableEntity},
	}), p.deleteGroup)
	register(p.plane, p.route(route{
		id: "add-members", method: http.MethodPost, path: "/v1/groups/{groupID}/members:add", summary: "Add up to 500 members to a group",
		description: "Who is added receives messages that are accepted afterwards.", errors: []int{missing, conflict},
	}), p.addMembers)
	register(p.plane, p.route(route{
		id: "remove-members", method: http.MethodPost, path: "/v1/groups/{groupID}/members:remove", summary: "Remove up to 500 members from a group",
		description: "Who is removed still receives messages that were accepted before.", errors: []int{missing},
	}), p.removeMembers)
	register(p.plane, p.route(route{
		id: "list-members", method: http.MethodGet, path: "/v1/groups/{groupID}/members", summary: "List the members of a group",
		description: "Page by page; deleted groups are not_found.", errors: []int{missing, http.StatusUnprocessableEntity},
	}), p.listMembers)
	register(p.plane, p.route(route{
		id: "list-groups", method: http.MethodGet, path: "/v1/users/{userID}/groups", summary: "List the groups of a user",
		description: "Page by page; a user who is in none gets an empty list.", errors: []int{http.StatusUnprocessableEntity},
	}), p.listGroups)
	register(p.plane, p.route(route{
		id: "send-group-message", method: http.MethodPost, path: "/v1/groups/{groupID}/messages", status: http.StatusAccepted,
		summary: "Send a message to the members of a group",
		description: "The answer comes after the message is stored: 202, or 200 when the same request was accepted before. " +
			"Who is a member at that moment receives it, whoever joins or leaves while it is brought to them.",
		errors: []int{missing, conflict}, maxBody: maxMessageBody, rate: rateGroupMessages,
	}), p.sendToGroup)
	p.documentDuplicate("/v1/groups/{groupID}/messages")
}

// documentDuplicate adds the answer to a repeated request to the document.
func (p *serverPlane) documentDuplicate(path string) {
	answers := p.api.OpenAPI().Paths[path].Post.Responses
	again := *answers["202"]
	again.Description = "The same request was accepted before."
	answers["200"] = &again
}

// GroupInput names a group. The library sees exported types only.
type GroupInput struct {
	GroupID string `path:"groupID" minLength:"1" maxLength:"64" doc:"The group, 1 to 64 bytes; your own id."`
}

// check wants an id that every store and phone takes.
func (in GroupInput) check() error { return checkPath("groupID", in.GroupID) }

// checkPath checks an id of the path.
func checkPath(name, id string) error {
	e := message.CheckID(name, id)
	if e == nil {
		return nil
	}
	f := fail(http.StatusUnprocessableEntity, wire.CodeInvalidRequest, "fields of the request break their rules, see errors")
	f.Errors = []wire.FieldError{{Field: "path." + name, Message: e.(*message.FieldError).Problem}} //nolint:errorlint // CheckID gives no other.
	return f
}

type putGroupInput struct {
	GroupInput
	Body wire.PutGroup
}

type membersInput struct {
	GroupInput
	Body wire.ChangeMembers
}

type groupOutput struct{ Body wire.GroupChange }

func (p *serverPlane) putGroup(ctx context.Context, in *putGroupInput) (*groupOutput, error) {
	return changeGroup(ctx, in.GroupInput, "members", in.Body.Members, p.deps.Store.PutGroup)
}

func (p *serverPlane) addMembers(ctx context.Context, in *membersInput) (*groupOutput, error) {
	return changeGroup(ctx, in.GroupInput, "userIDs", in.Body.UserIDs, p.deps.Store.AddMembers)
}

func (p *serverPlane) removeMembers(ctx context.Context, in *membersInput) (*groupOutput, error) {
	return changeGroup(ctx, in.GroupInput, "userIDs", in.Body.UserIDs, p.deps.Store.RemoveMembers)
}

func changeGroup(
	ctx context.Context, in GroupInput, field string, users []string,
	change func(context.Context, string, []string) (store.GroupChange, error),
) (*groupOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := accept.CheckUsers(field, users, 0, maxChange); err != nil {
		return nil, err
	}
	c, err := change(ctx, in.GroupID, users)
	if err != nil {
		return nil, err
	}
	return &groupOutput{Body: wire.GroupChange{GroupID: in.GroupID, Created: c.Created, Changed: c.Changed, Members: c.Members}}, nil
}

// maxChange is how many members one request changes.
const maxChange = 500

func (p *serverPlane) deleteGroup(ctx context.Context, in *GroupInput) (*struct{}, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	return nil, p.deps.Store.DeleteGroup(ctx, in.GroupID)
}

type listMembersInput struct {
	GroupInput
	Page
}

type listMembersOutput struct{ Body wire.GroupMembers }

func (p *serverPlane) listMembers(ctx context.Context, in *listMembersInput) (*listMembersOutput, error) {
	key, err := after[int64](in.Page)
	if err != nil {
		return nil, err
	}
	found, err := p.deps.Store.Members(ctx, in.GroupID, key, in.Limit+1)
	if err != nil {
		return nil, err
	}
	users, more := paged(found, in.Page, func(u store.User) int64 { return u.Key })
	out := wire.GroupMembers{GroupID: in.GroupID, UserIDs: make([]string, len(users)), More: more}
	for i, u := range users {
		out.UserIDs[i] = u.ID
	}
	return &listMembersOutput{Body: out}, nil
}

type listGroupsInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Page
}

type listGroupsOutput struct{ Body wire.UserGroups }

func (p *serverPlane) listGroups(ctx context.Context, in *listGroupsInput) (*listGroupsOutput, error) {
	key, err := after[int64](in.Page)
	if err != nil {
		return nil, err
	}
	found, err := p.deps.Store.GroupsOf(ctx, in.UserID, key, in.Limit+1)
	if err != nil {
		return nil, err
	}
	groups, more := paged(found, in.Page, func(g store.Group) int64 { return g.Key })
	out := wire.UserGroups{UserID: in.UserID, Groups: make([]wire.Group, len(groups)), More: more}
	for i, g := range groups {
		out.Groups[i] = wire.Group{GroupID: g.ID, Members: g.Members}
	}
	return &listGroupsOutput{Body: out}, nil
}

type sendToGroupInput struct {
	GroupInput
	Body wire.SendGroupMessage
}

type groupSentOutput struct {
	Status int
	Body   wire.GroupSent
}

func (p *serverPlane) sendToGroup(ctx context.Context, in *sendToGroupInput) (*groupSentOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result := p.deps.Acceptor.Accept(ctx, []accept.Request{groupRequestOf(in.GroupID, in.Body)})[0]
	if result.Err != nil {
		return nil, result.Err
	}
	out := &groupSentOutput{Status: http.StatusAccepted, Body: wire.GroupSent{MessageID: result.MessageID, Duplicate: result.Duplicate}}
	if result.Duplicate {
		out.Status = http.StatusOK
	}
	return out, nil
}

func groupRequestOf(groupID string, m wire.SendGroupMessage) accept.Request {
	x := &store.NewExpansion{GroupID: groupID}
	if m.Target != nil {
		x.Only, x.Except = m.Target.Only, m.Target.Except
	}
	r := accept.Request{
		ClientID: m.ClientID, From: m.From, Body: m.Body, PushTTL: time.Duration(m.PushTTLSeconds) * time.Second,
		Detail: message.Detail{GroupID: groupID}, Also: store.Also{Expansion: x},
	}
	if d := m.Mentions; d != nil {
		r.Detail.Mentions = &message.Mentions{All: d.All, UserIDs: d.UserIDs, Quiet: d.Quiet}
	}
	if m.Push != nil {
		r.Push = m.Push.Config()
	}
	return r
}
