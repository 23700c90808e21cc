package providertest

import (
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/provider"
)

// testTranscript lets the vendor quote the whole request in its answer, credential included, and refuse the credential.
func testTranscript(t *testing.T, v Vendor) {
	target := v.targets(1)
	hide := provider.SecretParts(target[0].Token)
	for part := range strings.SplitSeq(v.Row.Credential().Reveal(), "\x00") {
		hide = append(hide, provider.SecretParts(part)...)
	}
	for _, how := range []Treatment{Echo, Fail, RefuseToken, Deliver} {
		for _, revoked := range []bool{false, true} {
			fake := all(how)
			fake.Revoked = revoked
			p, _ := v.start(t, v.Serve(fake))
			var kept provider.Transcript
			o := p.Send(provider.WithTranscript(t.Context(), &kept), Notification(), target)[0]
			if kept.Status() != o.HTTPStatus || kept.Took() <= 0 {
				t.Errorf("treatment %d: kept status %d after %s, want that of %+v", how, kept.Status(), kept.Took(), o)
			}
			quote := kept.Quote(1<<20, hide...)
			if how == Echo && !revoked && !strings.Contains(quote, "<redacted>") {
				t.Errorf("the fake server echoed nothing, so this test proves nothing: %q", quote)
			}
			for _, h := range append([]string{target[0].Token}, v.Secrets...) {
				if strings.Contains(quote, h) {
					t.Errorf("treatment %d: quotes %q in %s", how, h, quote)
				}
			}
		}
	}
}
