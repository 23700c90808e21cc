package ingress

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Rules keeps what users want of pushes.
type Rules interface {
	Rule(ctx context.Context, userID string) (message.Rule, error)
	SetRule(ctx context.Context, userID string, rule message.Rule) error
	Mutes(ctx context.Context, userID string, after message.Conversation, limit int) ([]message.Conversation, error)
	Mute(ctx context.Context, userID string, conversations []message.Conversation, muted bool) error
}

// What the operations on rules of both planes have in common.
const (
	setRuleDescription = "It replaces the whole rule: what is left out is the default. All devices of the user are told, " +
		"by a message of the kind Rule."
	ruleDescription     = "A user who never set one has the default: all switches on, and nothing else."
	mutesDescription    = "Page by page, by type and id."
	setMutesDescription = "Up to 10 at a time; the others stay as they are. Messages of a muted conversation are not pushed, " +
		"unless they mention the user. All devices of the user are told, by a message of the kind Rule."
)

// mutesPath is behind the user or the device.
const mutesPath = "/mutes"

type ruleOutput struct{ Body wire.PushRule }

type mutesOutput struct{ Body wire.Mutes }

func readRule(ctx context.Context, of Rules, userID string) (*ruleOutput, error) {
	rule, err := of.Rule(ctx, userID)
	if err != nil {
		return nil, err
	}
	return &ruleOutput{Body: wire.PushRuleOf(rule)}, nil
}

func listMutes(ctx context.Context, of Rules, userID string, page Page) (*mutesOutput, error) {
	behind, err := after[message.Conversation](page)
	if err != nil {
		return nil, err
	}
	found, err := of.Mutes(ctx, userID, behind, page.Limit+1)
	if err != nil {
		return nil, err
	}
	found, more := paged(found, page, func(c message.Conversation) message.Conversation { return c })
	out := wire.Mutes{Conversations: make([]wire.Conversation, len(found)), More: more}
	for i, c := range found {
		out.Conversations[i] = wire.Conversation{Type: string(c.Type), ID: c.ID}
	}
	return &mutesOutput{Body: out}, nil
}

func setMutes(ctx context.Context, of Rules, userID string, in wire.SetMutes) error {
	conversations := make([]message.Conversation, len(in.Conversations))
	for i, c := range in.Conversations {
		conversations[i] = message.Conversation{Type: message.ConversationType(c.Type), ID: c.ID}
	}
	return of.Mute(ctx, userID, conversations, in.Muted)
}

func (p *serverPlane) ruleRoutes() {
	ofUser := func(id, method, rest, summary, description string) route {
		r := route{id: id, method: method, path: "/v1/users/{userID}" + rest, summary: summary, description: description}
		if method == http.MethodGet && rest == mutesPath { // It has a cursor.
			r.errors = []int{http.StatusUnprocessableEntity}
		}
		return p.route(r)
	}
	register(p.plane, ofUser("get-push-rule", http.MethodGet, "/push-rule", "Tell what a user wants of pushes", ruleDescription), p.rule)
	register(p.plane, ofUser("set-push-rule", http.MethodPut, "/push-rule", "Set what a user wants of pushes", setRuleDescription), p.setRule)
	register(p.plane, ofUser("list-mutes", http.MethodGet, mutesPath, "List the conversations that a user muted", mutesDescription), p.mutes)
	register(p.plane, ofUser("set-mutes", http.MethodPut, mutesPath, "Mute conversations of a user, or not any more", setMutesDescription), p.setMutes)
}

type userRuleInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Body   wire.PushRule
}

type userMutesInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Body   wire.SetMutes
}

type listMutesInput struct {
	UserID string `path:"userID" maxLength:"64" doc:"The user, 1 to 64 bytes."`
	Page
}

func (p *serverPlane) rule(ctx context.Context, in *userInput) (*ruleOutput, error) {
	return readRule(ctx, p.deps.Rules, in.UserID)
}

func (p *serverPlane) setRule(ctx context.Context, in *userRuleInput) (*struct{}, error) {
	if err := p.userInPath(ctx, in.UserID); err != nil {
		return nil, err
	}
	return nil, p.deps.Rules.SetRule(ctx, in.UserID, in.Body.Rule())
}

func (p *serverPlane) mutes(ctx context.Context, in *listMutesInput) (*mutesOutput, error) {
	return listMutes(ctx, p.deps.Rules, in.UserID, in.Page)
}

func (p *serverPlane) setMutes(ctx context.Context, in *userMutesInput) (*struct{}, error) {
	if err := p.userInPath(ctx, in.UserID); err != nil {
		return nil, err
	}
	return nil, setMutes(ctx, p.deps.Rules, in.UserID, in.Body)
}

// userInPath refuses what is no user id before something is stored for it.
func (p *plane) userInPath(ctx context.Context, userID string) error {
	if err := message.CheckID("userID", userID); err != nil {
		return p.failureOf(ctx, err).locate("path")
	}
	return nil
}

func (p *devicePlane) ruleRoutes() {
	own := func(id, method, rest, summary, description string) route {
		r := route{
			id: id, method: method, path: "/v1/devices/{pushID}" + rest, summary: summary, description: description,
			security: []string{deviceSecret, userToken}, errors: []int{http.StatusForbidden, http.StatusNotFound},
		}
		if method == http.MethodGet && rest == mutesPath { // It has a cursor.
			r.errors = append(r.errors, http.StatusUnprocessableEntity)
		}
		return r
	}
	register(p.plane, own("get-push-rule", http.MethodGet, "/push-rule", "Tell what the user wants of pushes", ruleDescription), p.rule)
	register(p.plane, own("set-push-rule", http.MethodPut, "/push-rule", "Set what the user wants of pushes", setRuleDescription), p.setRule)
	register(p.plane, own("list-mutes", http.MethodGet, mutesPath, "List the conversations that the user muted", mutesDescription), p.mutes)
	register(p.plane, own("set-mutes", http.MethodPut, mutesPath, "Mute conversations of the user, or not any more", setMutesDescription), p.setMutes)
}

// UserProof is how a device says who it is and whose it is. The library sees exported types only.
type UserProof struct {
	Proof
	Authorization string `header:"Authorization" hidden:"true"`
}

// user is who acts on an authenticated device.
func (p *devicePlane) user(ctx context.Context, by UserProof) (message.Device, string, error) {
	token := bearerOf(by.Authorization)
	if token == "" {
		return message.Device{}, "", fail(http.StatusUnauthorized, wire.CodeUnauthenticated, "give the user's token as Authorization: Bearer")
	}
	d, err := p.device(ctx, by.Proof)
	if err != nil {
		return message.Device{}, "", err
	}
	userID, err := p.deps.Users.Verify(ctx, token)
	return d, userID, err
}

type ownRuleInput struct {
	UserProof
	Body wire.PushRule
}

type ownMutesInput struct {
	UserProof
	Body wire.SetMutes
}

type ownListInput struct {
	UserProof
	Page
}

func (p *devicePlane) rule(ctx context.Context, in *UserProof) (*ruleOutput, error) {
	_, userID, err := p.user(ctx, *in)
	if err != nil {
		return nil, err
	}
	return readRule(ctx, p.deps.Rules, userID)
}

func (p *devicePlane) setRule(ctx context.Context, in *ownRuleInput) (*struct{}, error) {
	_, userID, err := p.user(ctx, in.UserProof)
	if err != nil {
		return nil, err
	}
	return nil, p.deps.Rules.SetRule(ctx, userID, in.Body.Rule())
}

func (p *devicePlane) mutes(ctx context.Context, in *ownListInput) (*mutesOutput, error) {
	_, userID, err := p.user(ctx, in.UserProof)
	if err != nil {
		return nil, err
	}
	return listMutes(ctx, p.deps.Rules, userID, in.Page)
}

func (p *devicePlane) setMutes(ctx context.Context, in *ownMutesInput) (*struct{}, error) {
	_, userID, err := p.user(ctx, in.UserProof)
	if err != nil {
		return nil, err
	}
	return nil, setMutes(ctx, p.deps.Rules, userID, in.Body)
}
