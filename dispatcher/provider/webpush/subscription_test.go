package webpush

import (
	"fmt"
	"strings"
	"testing"
)

func subscribed(endpoint, p256dh, auth string) string {
	return fmt.Sprintf(`{"endpoint":%q,"expirationTime":null,"keys":{"auth":%q,"p256dh":%q}}`, endpoint, auth, p256dh)
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	// Two texts of one byte string with 0xfb and 0xff, in both alphabets.
	const odd, oddStd = "-_-_-_-_-_-_-_-_-_-_-w", "+/+/+/+/+/+/+/+/+/+/+w=="
	tests := []struct{ name, token, want string }{
		{"as a browser makes it", subscribed("https://fcm.googleapis.com/fcm/send/abc:APA91b", uaPublic, uaAuth), `{"endpoint":"https://fcm.googleapis.com/fcm/send/abc:APA91b","keys":{"p256dh":"` + uaPublic + `","auth":"` + uaAuth + `"}}`},
		{"its own form", token("x"), token("x")},
		{"padded base64", subscribed("https://"+pushHost+pushPath+"x", uaPublic+"=", oddStd), strings.Replace(token("x"), uaAuth, odd, 1)},
		{"upper case and port", subscribed("HTTPS://Updates.Push.Services.Mozilla.Com:443"+pushPath+"x#top", uaPublic, uaAuth), token("x")},
		{"blanks around", " \n" + subscribed("https://"+pushHost+pushPath+"x", uaPublic, uaAuth) + "\n", token("x")},
		{
			"a query", subscribed("https://wns2-db5p.notify.windows.com/w/?token=BQ%2f%2B&x=<y>", uaPublic, uaAuth),
			`{"endpoint":"https://wns2-db5p.notify.windows.com/w/?token=BQ%2f%2B&x=<y>","keys":{"p256dh":"` + uaPublic + `","auth":"` + uaAuth + `"}}`,
		},
	}
	for _, tt := range tests {
		got, err := Canonical(tt.token)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := strings.NewReplacer("<", "%3C", ">", "%3E").Replace(tt.want)
		if got != tt.want && got != want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if again, err := Canonical(got); err != nil || again != got {
			t.Errorf("%s: the second time %s, %v", tt.name, again, err)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	t.Parallel()
	const good = "https://fcm.googleapis.com/fcm/send/secret-part"
	offCurve := encode(append([]byte{4}, make([]byte, 64)...))
	compressed := "AyVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
	tests := []struct{ name, token, want string }{
		{"nothing", "", "is not the JSON"},
		{"an FCM token", "secret-part:APA91b", "is not the JSON"},
		{"a list", `["secret-part"]`, "is not the JSON"},
		{"no endpoint", `{"keys":{}}`, "token: endpoint:"},
		{"http", subscribed("http://fcm.googleapis.com/secret-part", uaPublic, uaAuth), "token: endpoint: is not an https URL"},
		{"another scheme", subscribed("file:///secret-part", uaPublic, uaAuth), "token: endpoint:"},
		{"a user", subscribed("https://secret-part@fcm.googleapis.com/x", uaPublic, uaAuth), "token: endpoint:"},
		{"IPv4", subscribed("https://10.0.0.1/secret-part", uaPublic, uaAuth), "full DNS name"},
		{"IPv4 as one number", subscribed("https://167772161/secret-part", uaPublic, uaAuth), "full DNS name"},
		{"IPv4 in hex", subscribed("https://0x0a.0.0.0x1/secret-part", uaPublic, uaAuth), "full DNS name"},
		{"IPv6", subscribed("https://[fd00::1]/secret-part", uaPublic, uaAuth), "full DNS name"},
		{"a local name", subscribed("https://localhost/secret-part", uaPublic, uaAuth), "full DNS name"},
		{"a final dot", subscribed("https://fcm.googleapis.com./secret-part", uaPublic, uaAuth), "full DNS name"},
		{"no host", subscribed("https:///secret-part", uaPublic, uaAuth), "full DNS name"},
		{"another port", subscribed("https://fcm.googleapis.com:8443/secret-part", uaPublic, uaAuth), "no port"},
		{"letters of other scripts", subscribed("https://fcm.googleapıs.com/secret-part", uaPublic, uaAuth), "token: endpoint:"},
		{"a long name", subscribed("https://"+strings.Repeat("a.", 130)+"com/secret-part", uaPublic, uaAuth), "full DNS name"},
		{"a line", subscribed("https://fcm.googleapis.com/x\r\nHost: secret-part", uaPublic, uaAuth), "token: endpoint:"},
		{"a blank", subscribed("https://fcm.googleapis.com/secret part", uaPublic, uaAuth), "token: endpoint:"},
		{"a way up", subscribed("https://fcm.googleapis.com/../secret-part", uaPublic, uaAuth), "names no subscription"},
		{"an escaped way up", subscribed("https://fcm.googleapis.com/%2e%2e/secret-part", uaPublic, uaAuth), "names no subscription"},
		{"no path", subscribed("https://fcm.googleapis.com/", uaPublic, uaAuth), "names no subscription"},
		{"no keys", `{"endpoint":"` + good + `"}`, "keys.p256dh"},
		{"not base64", subscribed(good, "???", uaAuth), "keys.p256dh"},
		{"not on the curve", subscribed(good, offCurve, uaAuth), "keys.p256dh"},
		{"a compressed point", subscribed(good, compressed, uaAuth), "keys.p256dh"},
		{"a short point", subscribed(good, uaPublic[:40], uaAuth), "keys.p256dh"},
		{"no auth", subscribed(good, uaPublic, ""), "keys.auth"},
		{"a long auth", subscribed(good, uaPublic, uaAuth+"AAAA"), "keys.auth"},
	}
	for _, tt := range tests {
		got, err := Canonical(tt.token)
		if err == nil || got != "" || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %q, %v, want %q", tt.name, got, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error quotes the token: %v", tt.name, err)
		}
	}
}

func TestAmong(t *testing.T) {
	t.Parallel()
	allowed := []string{"fcm.googleapis.com", "*.notify.windows.com", "Push.Example"}
	for host, want := range map[string]bool{
		"fcm.googleapis.com": true, "wns2-db5p.notify.windows.com": true, "a.b.notify.windows.com": true, "push.example": true,
		"notify.windows.com": false, "evilnotify.windows.com": false, "fcm.googleapis.com.evil.example": false,
		"googleapis.com": false, "x.fcm.googleapis.com": false, "": false,
	} {
		if among(host, allowed) != want {
			t.Errorf("%q: want %t", host, want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add(token("x"))
	f.Add(subscribed("https://wns2-db5p.notify.windows.com/w/?token=BQ%2f&x=<y>", uaPublic+"=", uaAuth))
	f.Fuzz(func(t *testing.T, token string) {
		got, err := Canonical(token)
		if err != nil {
			return
		}
		again, err := Canonical(got)
		if err != nil || again != got {
			t.Errorf("%q becomes %q, and that %q, %v", token, got, again, err)
		}
		s, err := parseSubscription(got)
		if err != nil || !strings.HasPrefix(s.Endpoint, scheme+s.host+"/") && !strings.HasPrefix(s.Endpoint, scheme+s.host+"?") {
			t.Errorf("%q leads to host %q, endpoint %q", token, s.host, s.Endpoint)
		}
	})
}
