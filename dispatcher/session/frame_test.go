package session

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     error
	}{
		{"login", `{"type":"login","token":"t","pushID":"p","deviceSecret":"s"}`, nil},
		{"login after", `{"type":"login","token":"t","pushID":"p","deviceSecret":"s","after":0}`, nil},
		{"ack", `{"type":"ack","seq":1}`, nil},
		{"ping", `{"type":"ping"}`, nil},
		{"newer field", `{"type":"ping","at":"now"}`, nil},
		{"login without token", `{"type":"login","pushID":"p","deviceSecret":"s"}`, errLogin},
		{"login without push id", `{"type":"login","token":"t","deviceSecret":"s"}`, errLogin},
		{"login without secret", `{"type":"login","token":"t","pushID":"p"}`, errLogin},
		{"login after less than nothing", `{"type":"login","token":"t","pushID":"p","deviceSecret":"s","after":-1}`, errLogin},
		{"ack of nothing", `{"type":"ack"}`, errAckSeq},
		{"ack below", `{"type":"ack","seq":-1}`, errAckSeq},
		{"ack of a fraction", `{"type":"ack","seq":1.5}`, errFrame},
		{"ack of too much", `{"type":"ack","seq":9223372036854775808}`, errFrame},
		{"unknown type", `{"type":"welcome"}`, errFrame},
		{"no type", `{}`, errFrame},
		{"null", `null`, errFrame},
		{"list", `[]`, errFrame},
		{"two", `{"type":"ping"}{"type":"ping"}`, errFrame},
		{"a type twice", `{"type":"logout","type":"ping"}`, errFrame},
		{"a type in another case", `{"type":"ping","TYPE":"logout"}`, errFrame},
		{"no UTF-8", "{\"type\":\"ping\",\"more\":\"\xff\"}", errFrame},
		{"half of a pair", `{"type":"ping","more":"\ud800"}`, errFrame},
		{"very deep", `{"type":"ping","more":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, errFrame},
		{"nothing", ``, errFrame},
	}
	for _, tt := range tests {
		if _, err := decode([]byte(tt.in)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"type":"login","token":"t","pushID":"p","deviceSecret":"s","after":1}`))
	f.Add([]byte(`{"type":"ack","seq":1}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		frame, err := decode(in)
		if err != nil {
			if frame != (wire.ClientFrame{}) {
				t.Errorf("an error and a frame: %+v", frame)
			}
			if _, reason := closing(err); reason == "" || len(reason) > maxReason {
				t.Errorf("reason %q", reason)
			}
			return
		}
		again, err := json.Marshal(frame)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(again); err != nil {
			t.Errorf("%s is a frame and %s is not: %v", in, again, err)
		}
	})
}

func TestReasonsFit(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errFrame, errLogin, errAckSeq, errNotLogin, errSecondLogin, errAckAhead, errDraining, errRebound, errors.New(strings.Repeat("x", 999))} {
		if _, reason := closing(err); len(reason) > maxReason {
			t.Errorf("%q is cut off", reason)
		}
	}
}
