package ingress_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	pushed "github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const wholePush = `{"title":"t","content":"c","payload":"p","resourcesID":"im","threadID":"room","image":"https://i.example/a.png",
	"enableBadge":true,"badgeIncrement":120,"voIPConfig":{"handleType":"PhoneNumber","handleValue":"+49","hasVideo":true},
	"privateMessageTemplate":{"templateID":"7","titleParameters":"{\"a\":\"b\"}","contentParameters":"{}"}}`

func TestThePushIsKeptAsItWasGiven(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	whole := pushed.PushConfig{
		Title: "t", Content: "c", Payload: "p", ResourcesID: "im", ThreadID: "room", Image: "https://i.example/a.png", BadgeIncrement: 99,
		VoIP:     &pushed.VoIP{HandleType: "PhoneNumber", HandleValue: "+49", HasVideo: true},
		Template: &pushed.Template{ID: "7", TitleParameters: `{"a":"b"}`, ContentParameters: "{}"},
	}
	n := 0
	for body, want := range map[string]pushed.PushConfig{
		wholePush: whole,
		`{"title":"t","enableBadge":true,"badgeIncrement":3}`:  {Title: "t", BadgeIncrement: 3},
		`{"title":"t","enableBadge":true}`:                     {Title: "t"},
		`{"title":"t","badgeIncrement":3}`:                     {Title: "t"},
		`{"title":"t","enableBadge":false,"badgeIncrement":3}`: {Title: "t"},
	} {
		sent := strings.Replace(message, `"body":"x"`, `"push":`+body, 1)
		n++
		sent = strings.Replace(sent, `"clientID":"c"`, fmt.Sprintf(`"clientID":"c-%d"`, n), 1)
		got := send(t, bed.Server, request{method: http.MethodPost, path: "/v1/messages", body: sent, header: bearer(planetest.ServerKey)})
		var answer wire.Sent
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", body, got.status, got.body)
		}
		stored, err := bed.Store.Message(t.Context(), answer.MessageID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, stored.Push); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}
