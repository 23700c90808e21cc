package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PushChannel is one set of credentials at one push vendor, with the vendor's address, its limits and the namespaces whose
// PushApps may use it. The controller proves the credentials at the vendor and says so in conditions.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=pch,categories=offlinepush
// +kubebuilder:selectablefield:JSONPath=`.spec.vendor`
// +kubebuilder:printcolumn:name="Vendor",type=string,JSONPath=`.spec.vendor`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Apps",type=integer,JSONPath=`.status.apps`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Last Probe",type=date,priority=1,JSONPath=`.status.lastProbeTime`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9][-a-z0-9]{0,62}$')",message="`metadata.name` must hold only lower case letters, digits and dashes, and be at most 63 characters"
type PushChannel struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata. The name is a DNS label of at most 63 characters.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the channel that is wanted.
	// +required
	Spec PushChannelSpec `json:"spec,omitzero"`

	// status is what the controller observed. Never edit it.
	// +kubebuilder:default={observedGeneration:-1,apps:0,conditions:{{type:"Ready",status:"Unknown",reason:"Pending",message:"waiting for the controller",lastTransitionTime:"1970-01-01T00:00:00Z"}}}
	// +optional
	Status PushChannelStatus `json:"status,omitzero"`
}

// PushChannelList is a list of PushChannels.
//
// +kubebuilder:object:root=true
type PushChannelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []PushChannel `json:"items"`
}

// PushChannelSpec says which vendor, with which credentials, within which limits and for whom.
//
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'FCM') == has(self.fcm)",message="`fcm` must be set when `vendor` is 'FCM', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Xiaomi') == has(self.xiaomi)",message="`xiaomi` must be set when `vendor` is 'Xiaomi', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Huawei') == has(self.huawei)",message="`huawei` must be set when `vendor` is 'Huawei', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'HarmonyOS') == has(self.harmonyOS)",message="`harmonyOS` must be set when `vendor` is 'HarmonyOS', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'OPPO') == has(self.oppo)",message="`oppo` must be set when `vendor` is 'OPPO', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Vivo') == has(self.vivo)",message="`vivo` must be set when `vendor` is 'Vivo', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Honor') == has(self.honor)",message="`honor` must be set when `vendor` is 'Honor', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'Meizu') == has(self.meizu)",message="`meizu` must be set when `vendor` is 'Meizu', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'APNs') == has(self.apns)",message="`apns` must be set when `vendor` is 'APNs', and only then"
// +kubebuilder:validation:XValidation:rule="(self.vendor == 'WebPush') == has(self.webPush)",message="`webPush` must be set when `vendor` is 'WebPush', and only then"
// +kubebuilder:validation:XValidation:rule="self.vendor in ['FCM', 'Huawei', 'Honor'] || !has(self.endpoint) || !has(self.endpoint.authURL)",message="`endpoint.authURL` must be unset unless `vendor` is 'FCM', 'Huawei' or 'Honor': the other vendors have no token exchange at an address of its own"
// +kubebuilder:validation:XValidation:rule="!has(self.limits.dailyQuotas) || self.limits.dailyQuotas.all(q, self.vendor + ' ' + q.class in ['Xiaomi Default', 'Xiaomi Public', 'Xiaomi Private', 'Meizu Public', 'Meizu Private', 'OPPO Marketing', 'OPPO Service', 'Huawei Marketing', 'Huawei Service', 'Huawei Test', 'HarmonyOS Marketing', 'HarmonyOS Service', 'HarmonyOS Test', 'Honor Marketing', 'Honor Service', 'Honor Test', 'Vivo Operation', 'Vivo System', 'Vivo Test'])",message="`limits.dailyQuotas` must name classes of the vendor: 'Default', 'Public' and 'Private' of Xiaomi, 'Public' and 'Private' of Meizu, 'Marketing' and 'Service' of OPPO, these and 'Test' of Huawei, HarmonyOS and Honor, 'Operation', 'System' and 'Test' of Vivo; the others have none"
// +kubebuilder:validation:XValidation:rule="!has(self.limits.dailyQuotas) || self.limits.dailyQuotas.all(q, has(q.channelIDs) == (self.vendor == 'Xiaomi' && q.class == 'Public'))",message="`limits.dailyQuotas[].channelIDs` must be set for class 'Public' of Xiaomi, and only then"
type PushChannelSpec struct {
	// vendor selects the push vendor: FCM, Xiaomi, Huawei, HarmonyOS, OPPO, Vivo, Honor, Meizu, APNs or WebPush.
	// The member of the same name, written like a field, must be set, the others must not. It cannot change: make another
	// channel instead.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="`vendor` must not change: make another PushChannel for another vendor"
	// +required
	Vendor Vendor `json:"vendor,omitempty"`

	// fcm holds what Firebase Cloud Messaging needs beside the credentials. Set it, if only to `{}`, when vendor is FCM.
	// +optional
	FCM *FCMChannel `json:"fcm,omitempty"`

	// xiaomi holds what Mi Push needs beside the credentials. Set it when vendor is Xiaomi.
	// +optional
	Xiaomi *XiaomiChannel `json:"xiaomi,omitempty"`

	// huawei holds what Huawei's Push Kit for EMUI and HarmonyOS up to 4 needs beside the credentials. Set it when vendor is
	// Huawei.
	// +optional
	Huawei *HuaweiChannel `json:"huawei,omitempty"`

	// harmonyOS holds what Huawei's Push Kit v3 for HarmonyOS 5 and later needs beside the credentials. Set it, if only to
	// `{}`, when vendor is HarmonyOS.
	// +optional
	HarmonyOS *HarmonyOSChannel `json:"harmonyOS,omitempty"`

	// oppo holds what OPPO Push needs beside the credentials. Set it when vendor is OPPO.
	// +optional
	OPPO *OPPOChannel `json:"oppo,omitempty"`

	// vivo holds what vivo Push needs beside the credentials. Set it when vendor is Vivo.
	// +optional
	Vivo *VivoChannel `json:"vivo,omitempty"`

	// honor holds what Honor Push needs beside the credentials. Set it when vendor is Honor.
	// +optional
	Honor *HonorChannel `json:"honor,omitempty"`

	// meizu holds what Flyme Push needs beside the credentials. Set it when vendor is Meizu.
	// +optional
	Meizu *MeizuChannel `json:"meizu,omitempty"`

	// apns holds what the Apple Push Notification service needs beside the credentials. Set it when vendor is APNs.
	// +optional
	APNs *APNsChannel `json:"apns,omitempty"`

	// webPush holds what Web Push needs beside the credentials. Set it when vendor is WebPush.
	// +optional
	WebPush *WebPushChannel `json:"webPush,omitempty"`

	// credentials names the Secret that authenticates this channel at the vendor.
	// +required
	Credentials ChannelCredentials `json:"credentials,omitzero"`

	// endpoint replaces the vendor's public addresses, for a proxy, a private region or a simulator. The manager honours it
	// only for hosts in its --allowed-endpoints. When unset, the vendor's public addresses are used.
	// +optional
	Endpoint *ChannelEndpoint `json:"endpoint,omitempty"`

	// limits bounds how fast the PushApps of this channel, taken together, call the vendor.
	// +kubebuilder:default={}
	// +optional
	Limits ChannelLimits `json:"limits,omitzero"`

	// probe says how often the credentials are proved at the vendor without sending a push.
	// +kubebuilder:default={}
	// +optional
	Probe ChannelProbe `json:"probe,omitzero"`

	// access says which namespaces' PushApps may send through this channel. Defaults to the channel's own namespace.
	// +kubebuilder:default={from:Same}
	// +optional
	Access ChannelAccess `json:"access,omitzero"`

	// suspend stops sending through this channel while true; pushes wait until their deadline and probes pause.
	// Defaults to false.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
}

// ChannelCredentials names the Secret with the vendor's credential, and for a change of credentials the one that follows it.
type ChannelCredentials struct {
	// secretRef names the Secret, in the channel's namespace, with the credential under fixed keys: `service-account.json`
	// for FCM and HarmonyOS, `appSecret` for Xiaomi, Huawei, Vivo and Meizu, `masterSecret` for OPPO, `clientSecret` for
	// Honor, `key.p8`, or `tls.crt` and `tls.key`, for APNs, `vapidPrivateKey` for WebPush. Beside it may stand what guards
	// receipts: `receiptUser` and `receiptKey` for Huawei and HarmonyOS, `receiptToken` for Meizu. A changed Secret is proved
	// at the vendor first; until the vendor accepts it, sending goes on with the credential accepted last.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`

	// nextSecretRef names a Secret with the credential that is to follow the one of secretRef, under the same keys. It is
	// proved at the vendor while sending goes on; once the vendor accepts it, sending goes on with it, and secretRef is not
	// looked at until nextSecretRef is gone. To end the change, name the Secret in secretRef and remove nextSecretRef; to go
	// back, only remove nextSecretRef. status.credentials.active says which one is in use.
	// +optional
	NextSecretRef *SecretReference `json:"nextSecretRef,omitempty"`
}

// ChannelEndpoint replaces a vendor's public addresses.
//
// +kubebuilder:validation:MinProperties=1
type ChannelEndpoint struct {
	// url is the https URL that push requests go to; the vendor's own path is appended. When unset, the vendor's public
	// address is used. Example: `https://push-proxy.example.com/fcm`.
	// +optional
	URL HTTPSURL `json:"url,omitempty"`

	// authURL is the https URL that issues access tokens. Only FCM, Huawei and Honor have one. When unset, the vendor's public
	// address is used, for FCM the `token_uri` of the service account.
	// +optional
	AuthURL HTTPSURL `json:"authURL,omitempty"`

	// caBundleRef names a ConfigMap with the certificate authorities that are trusted for url and authURL, instead of the
	// public ones.
	// +optional
	CABundleRef *ConfigMapKeyReference `json:"caBundleRef,omitempty"`
}

// ConfigMapKeyReference names a key of a ConfigMap in the namespace of the object that refers to it.
type ConfigMapKeyReference struct {
	// name is the ConfigMap's name.
	// +required
	Name ObjectName `json:"name,omitempty"`

	// key is the key whose value holds PEM certificates. Defaults to `ca.crt`.
	// +kubebuilder:default="ca.crt"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	// +optional
	Key string `json:"key,omitempty"`
}

// ChannelLimits bounds the calls to the vendor.
type ChannelLimits struct {
	// requestsPerSecond is the most requests per second to the vendor, over all PushApps of the channel by their share, and
	// over the live dispatchers of each in equal parts; one request may carry many devices where the vendor has batches.
	// From 1 to 100000. OPPO and vivo count devices instead. When unset, what the vendor grants to a new account is kept:
	// 10000 for FCM, 6000 for Huawei and HarmonyOS, 5000 for OPPO, 3000 for Vivo and Honor, 500 for Xiaomi, 200 for Meizu;
	// APNs and Web Push name none, so 1000 for both.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	RequestsPerSecond int32 `json:"requestsPerSecond,omitempty"`

	// maxConcurrentRequests is the most requests that one dispatcher has open at the vendor at a time. From 1 to 4096.
	// Defaults to 256.
	// +kubebuilder:default=256
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4096
	// +optional
	MaxConcurrentRequests int32 `json:"maxConcurrentRequests,omitempty"`

	// dailyQuotas are what the vendor grants in a day of its classes of messages, over all PushApps of the channel by their
	// share. Pushes beyond wait for the next day, until their deadline. A class that is not listed is counted and not
	// limited: the vendor itself says when its quota is used up.
	// +listType=map
	// +listMapKey=class
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +optional
	DailyQuotas []DailyQuota `json:"dailyQuotas,omitempty"`

	// quotaTimeZone is the time zone in which the vendor's day ends, by its name in the time zone database. When unset,
	// `Asia/Shanghai`, which is that of every vendor with daily quotas.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Z][-+_/A-Za-z0-9]*$`
	// +optional
	QuotaTimeZone string `json:"quotaTimeZone,omitempty"`

	// quotaReservePercent is the part of each daily quota that messages leave to calls, and pushes to groups and to everyone
	// to messages besides. From 0 to 50. Defaults to 10: such pushes have 80 percent, messages 90 and calls all of it.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=50
	// +optional
	QuotaReservePercent *int32 `json:"quotaReservePercent,omitempty"`
}

// QuotaClass is a class of messages of which a vendor counts the pushes of a day by themselves.
//
// +k8s:enum
type QuotaClass string

const (
	// QuotaClassDefault is Xiaomi's class of pushes outside of a category.
	QuotaClassDefault QuotaClass = "Default"
	// QuotaClassPublic is news and offers, of Xiaomi and Meizu.
	QuotaClassPublic QuotaClass = "Public"
	// QuotaClassPrivate is messages of people and accounts, of Xiaomi and Meizu.
	QuotaClassPrivate QuotaClass = "Private"
	// QuotaClassMarketing is news and offers, of Huawei, HarmonyOS, OPPO and Honor.
	QuotaClassMarketing QuotaClass = "Marketing"
	// QuotaClassService is service and communication, of Huawei, HarmonyOS, OPPO and Honor.
	QuotaClassService QuotaClass = "Service"
	// QuotaClassOperation is vivo's class of news and offers.
	QuotaClassOperation QuotaClass = "Operation"
	// QuotaClassSystem is vivo's class of messages of people and accounts.
	QuotaClassSystem QuotaClass = "System"
	// QuotaClassTest is test messages, of Huawei, HarmonyOS, Vivo and Honor.
	QuotaClassTest QuotaClass = "Test"
)

// DailyQuota is what a vendor grants in a day of one class of messages.
type DailyQuota struct {
	// class is the vendor's class of messages, which follows from the push profile: Default, Public or Private of Xiaomi;
	// Public or Private of Meizu; Marketing or Service of OPPO; Marketing, Service or Test of Huawei, HarmonyOS and Honor;
	// Operation, System or Test of Vivo.
	// +required
	Class QuotaClass `json:"class,omitempty"`

	// pushes is how many pushes the vendor takes in a day, as its console shows it. From 1 to 2000000000.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2000000000
	// +required
	Pushes int32 `json:"pushes,omitempty"`

	// channelIDs lists the categories, as push profiles name them in `xiaomi.channelID`, that Xiaomi's console calls public.
	// Those not listed are private. At most 64. Only for class Public of Xiaomi, which needs it.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	// +optional
	ChannelIDs []string `json:"channelIDs,omitempty"`
}

// ChannelProbe says how the credentials are proved.
type ChannelProbe struct {
	// intervalSeconds is the time in seconds between two probes of a credential that the vendor accepted. From 60 to 86400.
	// Defaults to 600. A permanent refusal stops the probes until the Secret changes.
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	// +optional
	IntervalSeconds int32 `json:"intervalSeconds,omitempty"`

	// timeoutSeconds is the time in seconds after which a probe counts as unanswered. From 1 to 30. Defaults to 10.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=30
	// +optional
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`
}

// AccessFrom says which namespaces' PushApps may use a channel.
//
// +k8s:enum
type AccessFrom string

const (
	// AccessFromSame lets PushApps of the channel's own namespace in.
	AccessFromSame AccessFrom = "Same"
	// AccessFromNames lets PushApps of the listed namespaces in, the channel's own namespace besides.
	AccessFromNames AccessFrom = "Names"
	// AccessFromSelector lets PushApps of namespaces with matching labels in, the channel's own namespace besides.
	AccessFromSelector AccessFrom = "Selector"
	// AccessFromAll lets PushApps of every namespace in.
	AccessFromAll AccessFrom = "All"
)

// ChannelAccess is the consent of the channel's owner. Whoever may use a channel can read its credential, because the
// credential is rendered into the Secret of the PushApp.
//
// +kubebuilder:validation:XValidation:rule="(self.from == 'Names') == has(self.names)",message="`names` must be set when `from` is 'Names', and only then"
// +kubebuilder:validation:XValidation:rule="(self.from == 'Selector') == has(self.selector)",message="`selector` must be set when `from` is 'Selector', and only then"
type ChannelAccess struct {
	// from is Same (the channel's own namespace), Names (also those in names), Selector (also those that selector matches) or
	// All (every namespace). Defaults to Same. A namespace that is let in receives a copy of the credential in the Secret of
	// its PushApp.
	// +kubebuilder:default=Same
	// +optional
	From AccessFrom `json:"from,omitempty"`

	// names lists the namespaces whose PushApps may use the channel. At most 64. Only with from: Names.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Names []DNSLabel `json:"names,omitempty"`

	// selector matches labels of the namespaces whose PushApps may use the channel; `{}` matches every namespace. Only with
	// from: Selector.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}
