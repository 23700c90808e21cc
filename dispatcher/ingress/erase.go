package ingress

import (
	"context"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/wire"
)

func (p *serverPlane) eraseRoutes() {
	register(p.plane, p.route(route{
		id: "erase-user", method: http.MethodDelete, path: "/v1/users/{userID}", summary: "Erase a user",
		description: eraseDescription, errors: []int{http.StatusUnprocessableEntity},
	}), p.erase)
}

const eraseDescription = `After the answer nothing is pushed to the user and no session is open; the devices are unregistered, and their apps register anew.
Inbox, cursors and all other data of the user are deleted, and what the user sent is emptied like recalled messages, without a sender.
With done false there is so much of it that it goes on by itself; the same request tells when it is done.
Who comes with the same id later is a new user, whose inbox begins with 1. Counters keep what they counted.`

type erasedOutput struct{ Body wire.Erased }

func (p *serverPlane) erase(ctx context.Context, in *userInput) (*erasedOutput, error) {
	done, err := p.deps.Bindings.Erase(ctx, in.UserID)
	if err != nil {
		return nil, err
	}
	return &erasedOutput{Body: wire.Erased{UserID: in.UserID, Done: done}}, nil
}
