//go:build e2e

package faults

import (
	"slices"
	"syscall"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	// packageName is the app at the vendors that know it by its package or bundle.
	packageName   = "io.offlinepush.quickstart"
	no, unknown   = metav1.ConditionFalse, metav1.ConditionUnknown
	fcmChannel    = "pushchannel/fcm"
	xiaomiChannel = "pushchannel/xiaomi"
	apnsChannel   = "pushchannel/apns"
	theApp        = "pushapp/chat"
	laterApp      = "pushapp/second"
)

// fault is something that goes wrong, what has to be seen of it, and what a user does about it.
type fault struct {
	name string
	// done and cure tell what strike and heal do.
	done, cure string
	// core faults run with all tests.
	core bool
	// sample is the space's; empty means the quickstart with SQLite.
	sample string
	// borrows needs the space of an owner.
	borrows bool
	strike  func(*space)
	sign    sign
	heal    func(*space)
}

// table is every fault of the matrix.
func table() []fault {
	return slices.Concat(credentials(), vendorTroubles(), references(), nodeTroubles())
}

// credentials are faults of what proves the app to its vendors. Pushes go on with the credential that was accepted before, except
// where the vendor took that back.
func credentials() []fault {
	restore := func(s *space) {
		s.secret("xiaomi-credential", map[string]string{"appSecret": "quickstart-xiaomi-secret"})
	}
	return []fault{
		{
			name: "wrong secret", core: true,
			done: "a Secret with an AppSecret that Xiaomi does not know", cure: "the former AppSecret",
			strike: func(s *space) { s.secret("xiaomi-credential", map[string]string{"appSecret": "of-another-app"}) },
			sign:   sign{xiaomiChannel, pushv1.ConditionCredentialsValid, no, pushv1.ReasonNewCredentialRejected, []string{"21301", "correct Secret xiaomi-credential"}},
			heal:   restore,
		},
		{
			name: "revoked credential", core: true,
			done: "Xiaomi ends the AppSecret, then a push", cure: "a new AppSecret in the Secret",
			strike: revoke,
			sign:   sign{xiaomiChannel, pushv1.ConditionDelivering, no, pushv1.ReasonCredentialsRejected, []string{"Xiaomi answered", "a valid credential in the channel's Secret"}},
			heal:   rotate,
		},
		{
			name: "expired certificate",
			done: "APNs with a certificate that ended yesterday", cure: "the former signing key",
			strike: func(s *space) {
				s.secret("apns-credential", expired(s.t, packageName))
				s.patch(apnsChannel, `{"spec":{"apns":{"teamID":null,"keyID":null}}}`)
			},
			sign: sign{apnsChannel, pushv1.ConditionResolved, no, pushv1.ReasonCredentialExpired, []string{"ended on", "put the new one into the Secret"}},
			heal: func(s *space) {
				s.secret("apns-credential", map[string]string{"key.p8": s.file("credentials/key.p8")})
				s.patch(apnsChannel, `{"spec":{"apns":{"teamID":"QUICKSTART","keyID":"OFFLINEPU1"}}}`)
			},
		},
		{
			name: "wrong topic",
			done: "another `bundleID`, for which the key is not made", cure: "the former `bundleID`",
			strike: func(s *space) { s.patch(apnsChannel, `{"spec":{"apns":{"bundleID":"com.example.another"}}}`) },
			sign:   sign{apnsChannel, pushv1.ConditionCredentialsValid, no, pushv1.ReasonNewCredentialRejected, []string{"Topic", "correct spec.apns.bundleID"}},
			heal:   func(s *space) { s.patch(apnsChannel, `{"spec":{"apns":{"bundleID":"`+packageName+`"}}}`) },
		},
		{
			name: "missing Secret", core: true,
			done: "the Secret is deleted", cure: "the Secret again",
			strike: func(s *space) { s.in("delete", "secret", "xiaomi-credential") },
			sign:   sign{xiaomiChannel, pushv1.ConditionResolved, no, pushv1.ReasonSecretNotFound, []string{"xiaomi-credential", "create it"}},
			heal:   restore,
		},
		{
			name: "missing key",
			done: "a Secret with the AppSecret under another key", cure: "the right key",
			strike: func(s *space) { s.secret("xiaomi-credential", map[string]string{"secret": "quickstart-xiaomi-secret"}) },
			sign:   sign{xiaomiChannel, pushv1.ConditionResolved, no, pushv1.ReasonSecretKeyMissing, []string{"xiaomi-credential", "appSecret", "add it"}},
			heal:   restore,
		},
		{
			name: "malformed JSON",
			done: "half a service account in FCM's Secret", cure: "the whole of it",
			strike: func(s *space) { s.secret("fcm-credential", map[string]string{"service-account.json": `{"type":`}) },
			sign:   sign{fcmChannel, pushv1.ConditionResolved, no, pushv1.ReasonSecretMalformed, []string{"fcm-credential", "is not JSON", "give the key file"}},
			heal: func(s *space) {
				s.secret("fcm-credential", map[string]string{"service-account.json": s.file("credentials/service-account.json")})
			},
		},
		{
			name: "mass invalidation",
			done: "Xiaomi calls the tokens of all seven phones invalid", cure: "a new AppSecret, whose tokens Xiaomi knows",
			strike: invalidate,
			sign:   sign{xiaomiChannel, pushv1.ConditionDelivering, no, pushv1.ReasonMassInvalidation, []string{"check that the credential belongs to the app"}},
			heal:   func(s *space) { s.calm("xiaomi"); rotate(s) },
		},
	}
}

// vendorTroubles are those that a valid credential has at its vendor.
func vendorTroubles() []fault {
	endpoint := func(s *space, host string) {
		s.patch(xiaomiChannel, `{"spec":{"endpoint":{"url":"https://`+host+`.`+s.name+`.svc:8443/xiaomi"}}}`)
	}
	return []fault{
		{
			name: "quota exhausted",
			done: "Xiaomi answers that the day's quota is used up", cure: "the quota is raised at the vendor, the channel suspended and set going again",
			strike: func(s *space) { s.trouble(traffic.Fault{Quota: true}, 1) },
			sign:   sign{theApp, pushv1.ConditionChannelsReady, no, pushv1.ReasonQuotaExhausted, []string{"channel xiaomi", "raised it"}},
			heal:   func(s *space) { s.calm("xiaomi"); s.askAgain() },
		},
		{
			name: "throttled",
			done: "Xiaomi answers every push that it comes too fast", cure: "Xiaomi takes pushes again",
			strike: func(s *space) { s.trouble(traffic.Fault{Throttle: true}, 1) },
			sign:   sign{theApp, pushv1.ConditionChannelsReady, unknown, pushv1.ReasonVendorThrottled, []string{"channel xiaomi", "requestsPerSecond"}},
			heal:   func(s *space) { s.calm("xiaomi") },
		},
		{
			name: "vendor unreachable", core: true,
			done: "Xiaomi breaks every connection", cure: "it answers again",
			strike: func(s *space) { s.trouble(traffic.Fault{ResetConnection: true}, 4) },
			sign:   sign{xiaomiChannel, pushv1.ConditionDelivering, unknown, pushv1.ReasonVendorUnreachable, []string{"trying again", "egress"}},
			heal:   func(s *space) { s.calm("xiaomi") },
		},
		{
			name: "DNS failure",
			done: "an endpoint whose name does not exist", cure: "the former endpoint",
			strike: func(s *space) { endpoint(s, "nowhere") },
			sign:   sign{xiaomiChannel, pushv1.ConditionCredentialsValid, unknown, pushv1.ReasonVendorUnreachable, []string{"nowhere", "DNS"}},
			heal:   func(s *space) { endpoint(s, "vendorsim") },
		},
	}
}

// references are faults of what an app refers to.
func references() []fault {
	return []fault{
		{
			name: "unknown channel", core: true,
			done: "a row of a PushChannel that does not exist", cure: "the row is removed",
			strike: func(s *space) { s.addChannel(`{"name":"another","channelRef":{"name":"nowhere"}}`) },
			sign:   sign{theApp, pushv1.ConditionChannelsReady, no, pushv1.ReasonChannelNotFound, []string{"channel another", "nowhere", "create it"}},
			heal:   func(s *space) { s.dropChannel() },
		},
		{
			name: "consent refused", borrows: true,
			done: "a row of another namespace's PushChannel, whose `spec.access` lets nobody in", cure: "its owner lets the namespace in",
			strike: func(s *space) {
				s.addChannel(`{"name":"another","appType":2,"channelRef":{"name":"xiaomi","namespace":"` + ownerSpace + `"}}`)
			},
			sign: sign{theApp, pushv1.ConditionChannelsReady, no, pushv1.ReasonAccessDenied, []string{"channel another", "spec.access"}},
			heal: func(s *space) {
				s.kubectl("-n", ownerSpace, "patch", xiaomiChannel, "--type=merge", "-p", `{"spec":{"access":{"from":"All"}}}`)
			},
		},
	}
}

// nodeTroubles are faults of what dispatchers run on.
func nodeTroubles() []fault {
	dispatcher := func(text string) func(*space) {
		return func(s *space) { s.patch(theApp, `{"spec":{"dispatcher":{`+text+`}}}`) }
	}
	return []fault{
		{
			name: "bad image",
			done: "an image that no registry has", cure: "the manager's own image",
			strike: dispatcher(`"image":"ghcr.io/offlinepush/dispatcher:nowhere"`),
			sign:   sign{theApp, pushv1.ConditionDispatcherAvailable, no, pushv1.ReasonImagePullFailed, []string{"dispatcher:nowhere", "spec.dispatcher.image"}},
			heal:   dispatcher(`"image":null`),
		},
		{
			name: "unschedulable",
			done: "a `nodeSelector` that no node has", cure: "no `nodeSelector`",
			strike: dispatcher(`"nodeSelector":{"disk":"none-has-it"}`),
			sign:   sign{theApp, pushv1.ConditionDispatcherAvailable, no, pushv1.ReasonUnschedulable, []string{"the scheduler says", "spec.dispatcher"}},
			heal:   dispatcher(`"nodeSelector":null`),
		},
		{
			name: "PVC pending",
			done: "an app with a StorageClass that does not exist", cure: "the StorageClass, with a volume",
			strike: addApp,
			sign:   sign{laterApp, pushv1.ConditionStoreReady, no, pushv1.ReasonVolumePending, []string{"StorageClass", "-later", "kubectl describe pvc"}},
			heal:   func(s *space) { s.volume(s.name + "-later") },
		},
		{
			name: "database down", core: true, sample: "quickstart-postgres",
			done: "the app's PostgreSQL is stopped", cure: "it runs again",
			strike: func(s *space) { s.in("scale", "statefulset/postgres", "--replicas=0") },
			sign:   sign{theApp, pushv1.ConditionStoreReady, no, pushv1.ReasonStoreUnavailable, []string{"a dispatcher says", "database of Secret chat-postgres"}},
			heal:   func(s *space) { s.in("scale", "statefulset/postgres", "--replicas=1") },
		},
		{
			name: "config not yet applied",
			done: "another `pushTTLSeconds` while the dispatcher is stopped by a signal", cure: "the dispatcher goes on",
			strike: func(s *space) {
				s.signal(syscall.SIGSTOP)
				s.patch(theApp, `{"spec":{"routing":{"pushTTLSeconds":7200}}}`)
			},
			sign: sign{theApp, pushv1.ConditionConfigApplied, unknown, pushv1.ReasonReportUnavailable, []string{"report cannot be read", "port 9090"}},
			heal: func(s *space) { s.signal(syscall.SIGCONT) },
		},
		{
			name: "dispatcher crash loop",
			done: "the image of another program", cure: "the manager's own image",
			strike: dispatcher(`"image":"ghcr.io/offlinepush/vendorsim:dev"`),
			sign:   sign{theApp, pushv1.ConditionDispatcherAvailable, no, pushv1.ReasonCrashLooping, []string{"kubectl logs --previous", "exit code"}},
			heal:   dispatcher(`"image":null`),
		},
	}
}
