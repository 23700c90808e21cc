package catalog

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/providertest"
)

// TestEveryMemberHasAVendor walks the members of the config by reflection.
func TestEveryMemberHasAVendor(t *testing.T) {
	t.Parallel()
	for _, union := range []reflect.Type{reflect.TypeFor[config.Channel](), reflect.TypeFor[config.Setting]()} {
		var members []Vendor
		for f := range union.Fields() {
			if f.Type.Kind() == reflect.Pointer {
				members = append(members, Vendor(f.Name))
			}
		}
		if !slices.Equal(members, Vendors()) {
			t.Errorf("%s has the members %v, the catalogue has %v", union, members, Vendors())
		}
	}
}

// TestEveryVendorHasACase tells a missing case from a refused row.
func TestEveryVendorHasACase(t *testing.T) {
	t.Parallel()
	for _, v := range Vendors() {
		p, err := New(config.Channel{Name: "row", Vendor: string(v)}, providertest.Deps())
		if want := string(v) + ": must be set for vendor " + string(v); err == nil || p != nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("%s: got %v, %v", v, p, err)
		}
	}
	p, err := New(config.Channel{
		Name: "row", Vendor: "Xiaomi",
		Xiaomi: &config.XiaomiChannel{PackageName: "p", Region: "China", AppSecret: config.NewSecret("s")},
	}, providertest.Deps())
	if err != nil || p == nil {
		t.Fatalf("got %v, %v", p, err)
	}
	p.Close()
	if _, err := New(config.Channel{Name: "row", Vendor: "Nokia"}, providertest.Deps()); err == nil || !strings.Contains(err.Error(), `vendor: "Nokia" is not one of [FCM`) {
		t.Errorf("got %v", err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	const subscription = `{"endpoint":"https://fcm.googleapis.com/fcm/send/x","keys":{"p256dh":"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4","auth":"BTBZMqHH6r4Tts7J_aSIgg"}}`
	hex := strings.Repeat("0F", 32)
	type form struct{ registered, stored string }
	forms := map[Vendor][]form{
		WebPush: {{subscription, subscription}, {strings.Replace(subscription, ":", ": ", 1), subscription}, {"x", ""}},
		APNs:    {{hex, strings.ToLower(hex)}, {hex[1:], ""}, {"<" + hex + ">", ""}},
	}
	for _, v := range Vendors() {
		tests, ok := forms[v]
		if !ok {
			tests = []form{{subscription, subscription}, {hex, hex}, {"x", "x"}}
		}
		for _, tt := range tests {
			got, err := Token(v, tt.registered)
			if got != tt.stored || (err == nil) != (tt.stored != "") || err != nil && strings.Contains(err.Error(), tt.registered) {
				t.Errorf("%s: %q is stored as %q, %v", v, tt.registered, got, err)
			}
		}
	}
}

// TestReportsAgreesWithReceipts: what a vendor reports, its callbacks are read for.
func TestReportsAgreesWithReceipts(t *testing.T) {
	t.Parallel()
	for _, v := range Vendors() {
		_, err := Receipts(config.Channel{Name: "row", Vendor: string(v)}, provider.Callback{})
		silent := err != nil && strings.Contains(err.Error(), "reports nothing")
		if Reports(v) == silent {
			t.Errorf("%s: Reports is %t, reading a callback says %v", v, Reports(v), err)
		}
	}
}
