package provider

import (
	"context"

	"github.com/offlinepush/operator/dispatcher/message"
)

// BatchPush makes one request to several tokens. It returns the outcome of the request, and one for each token that the answer
// names.
type BatchPush func(tokens []string) (whole message.Outcome, named map[string]message.Outcome)

// SendBatch pushes to all targets whose token is plausible in one request. Where that blames its tokens without naming one,
// it is repeated for each of them alone, and only those answers are believed.
func SendBatch(ctx context.Context, targets []Target, push BatchPush) []message.Outcome {
	outcomes := make([]message.Outcome, len(targets))
	var due []int
	for i, t := range targets {
		if Plausible(t.Token) {
			due = append(due, i)
			continue
		}
		outcomes[i] = message.Outcome{Class: message.InvalidToken, Detail: "not a token of this vendor"}
	}
	if len(due) == 0 {
		return outcomes
	}
	tokens := Tokens(targets, due)
	whole, named := push(tokens)
	if whole.Class == message.InvalidToken && len(tokens) > 1 {
		Alone(ctx, len(tokens), func(i int) message.Outcome {
			whole, named := push(tokens[i : i+1])
			return ofToken(tokens[i], whole, named)
		}, func(i int, o message.Outcome) { outcomes[due[i]] = o })
		return outcomes
	}
	for i, token := range tokens {
		outcomes[due[i]] = ofToken(token, whole, named)
	}
	return outcomes
}

func ofToken(token string, whole message.Outcome, named map[string]message.Outcome) message.Outcome {
	if o, ok := named[token]; ok {
		return o
	}
	return whole
}

// Unsent is the outcome of a push that the vendor would refuse, so that it is not sent. The error names the field and the cure.
func Unsent(err error) message.Outcome {
	return message.Outcome{Class: message.Rejected, Detail: Words(err.Error())}
}
