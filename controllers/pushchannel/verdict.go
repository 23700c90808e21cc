package pushchannel

import (
	"fmt"
	"net/http"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/condition"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// credentialsValid turns the vendor's newest answer about a Secret's credential into CredentialsValid. inUse says that no
// other credential is in use while that one is refused.
func credentialsValid(vendor pushv1.Vendor, from source, p probed, inUse bool) condition.Fact {
	const name = pushv1.ConditionCredentialsValid
	words := quote(vendor, p.proof)
	switch {
	case !p.known():
		return condition.Unknown(name, pushv1.ReasonNotProbed, "the vendor was not asked yet", condition.Pending)
	case p.proof.Verdict == provider.Unasked:
		return condition.True(name, pushv1.ReasonCredentialsChecked, p.proof.Detail)
	case p.accepted():
		return condition.True(name, pushv1.ReasonCredentialsAccepted, fmt.Sprintf("%s accepted the credential", vendor))
	case p.refused() && inUse:
		return condition.False(name, pushv1.ReasonCredentialsRejected,
			fmt.Sprintf("%s; put a valid credential into Secret %s%s, or cure it at the vendor and set spec.suspend to true and back to ask again",
				words, from.secret, orIdentifier(vendor)+orEndpoint(p.proof)), condition.Stuck)
	case p.refused():
		return condition.False(name, pushv1.ReasonNewCredentialRejected,
			fmt.Sprintf("%s; sending goes on with the credential accepted last; correct Secret %s, which %s names%s",
				words, from.secret, from.field, orIdentifier(vendor)), condition.Stuck)
	case p.proof.Verdict == provider.Busy:
		return condition.Unknown(name, pushv1.ReasonVendorThrottled, words+"; asking again later", condition.Pending)
	}
	return condition.Unknown(name, pushv1.ReasonVendorUnreachable, words+
		"; asking again; if it lasts, see the vendor's state page, and DNS, proxy and egress rules of the manager", condition.Pending)
}

// orIdentifier names the fields by which the spec says whose credential it is: to a vendor, a wrong one there is a wrong credential.
func orIdentifier(vendor pushv1.Vendor) string {
	fields := map[pushv1.Vendor]string{
		pushv1.VendorAPNs: "apns.bundleID", pushv1.VendorXiaomi: "xiaomi.packageName", pushv1.VendorHuawei: "huawei.appID",
		pushv1.VendorOPPO: "oppo.appKey", pushv1.VendorVivo: "vivo.appID and vivo.appKey",
		pushv1.VendorHonor: "honor.appID and honor.clientID", pushv1.VendorMeizu: "meizu.appID",
	}
	if fields[vendor] == "" {
		return ""
	}
	return ", or correct spec." + fields[vendor]
}

// orEndpoint names the endpoint when what answered may be something else than the vendor.
func orEndpoint(p provider.Proof) string {
	if p.Code != "" || p.HTTPStatus != http.StatusNotFound {
		return ""
	}
	return ", or correct spec.endpoint, if it is set: the vendor seems not to be there"
}

// ending adds to the acceptance of the credential that followed another how people end the change.
func (s source) ending(valid condition.Fact) condition.Fact {
	if s.field == nextField && valid.Status == metav1.ConditionTrue {
		valid.Message += fmt.Sprintf("; to end the change, name Secret %s in spec.credentials.secretRef and remove nextSecretRef", s.secret)
	}
	return valid
}

// quote says what the vendor said, in its own code and words.
func quote(vendor pushv1.Vendor, p provider.Proof) string {
	var b strings.Builder
	if p.Code == "" && p.HTTPStatus == 0 {
		fmt.Fprintf(&b, "%s did not answer", vendor)
	} else {
		fmt.Fprintf(&b, "%s answered", vendor)
	}
	if p.Code != "" {
		fmt.Fprintf(&b, " %s", p.Code)
	}
	if p.HTTPStatus != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", p.HTTPStatus)
	}
	if p.Detail != "" {
		fmt.Fprintf(&b, ": %s", p.Detail)
	}
	return b.String()
}
