package v1alpha1

// Reasons of Ready, Reconciling and Stalled in all kinds; each may also carry the reason of the fact that decides it.
const (
	// ReasonPending says that the controller did not see the object yet.
	ReasonPending = "Pending"
	// ReasonReady says that all is well.
	ReasonReady = "Ready"
	// ReasonSuspended says that spec.suspend is true.
	ReasonSuspended = "Suspended"
	// ReasonInvalidSpec says that the spec asks for something that cannot be; the message names the field.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonApplyFailed says that the API server refused what the controller applied; it tries again.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonNameConflict says that an object of a needed name exists and belongs to somebody else.
	ReasonNameConflict = "NameConflict"
)

// Reasons for what an object refers to: PushChannel Resolved, PushApp ConfigApplied and StoreReady.
const (
	// ReasonSecretNotFound says that a Secret does not exist; the controller waits for it.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyMissing says that a Secret lacks a key; the controller waits for it.
	ReasonSecretKeyMissing = "SecretKeyMissing"
	// ReasonSecretMalformed says that the value in a Secret does not have the right shape.
	ReasonSecretMalformed = "SecretMalformed"
	// ReasonCABundleMalformed says that the CA bundle holds no PEM certificate.
	ReasonCABundleMalformed = "CABundleMalformed"
)

// Reasons of a PushChannel's Resolved.
const (
	// ReasonResolved says that everything that the channel refers to was found and has the right shape.
	ReasonResolved = "Resolved"
	// ReasonCredentialExpired says that the certificate in the Secret has ended; of a PushApp that of exposure.tls.
	ReasonCredentialExpired = "CredentialExpired"
	// ReasonIdentifierMismatch says that an identifier of the spec contradicts the credential, for example fcm.projectID.
	ReasonIdentifierMismatch = "IdentifierMismatch"
	// ReasonCABundleNotFound says that the ConfigMap or its key does not exist; the controller waits for it.
	ReasonCABundleNotFound = "CABundleNotFound"
	// ReasonEndpointNotAllowed says that the manager's --allowed-endpoints does not have the endpoint's host.
	ReasonEndpointNotAllowed = "EndpointNotAllowed"
)

// Reasons of a PushChannel's CredentialsValid.
const (
	// ReasonCredentialsAccepted says that the vendor accepted the credential.
	ReasonCredentialsAccepted = "CredentialsAccepted"
	// ReasonCredentialsChecked says that the credential has the right shape, and that the vendor has nobody to ask about it:
	// a wrong one shows with the first push.
	ReasonCredentialsChecked = "CredentialsChecked"
	// ReasonCredentialExpiring says that the vendor accepted the credential, which ends within 30 days; the message says when.
	ReasonCredentialExpiring = "CredentialExpiring"
	// ReasonCredentialsRejected says that the vendor refused the credential in use.
	ReasonCredentialsRejected = "CredentialsRejected"
	// ReasonNewCredentialRejected says that the vendor refused a changed credential, or the one of nextSecretRef; sending goes
	// on with the one accepted last.
	ReasonNewCredentialRejected = "NewCredentialRejected"
	// ReasonNotProbed says that the vendor was not asked yet.
	ReasonNotProbed = "NotProbed"
	// ReasonVendorUnreachable says that the vendor does not answer, or answers with an error of its own.
	ReasonVendorUnreachable = "VendorUnreachable"
	// ReasonVendorThrottled says that the vendor asks for patience.
	ReasonVendorThrottled = "VendorThrottled"
)

// Reasons of a PushChannel's events that no condition has.
const (
	// ReasonCredentialPromoted says that sending goes on with the credential of another Secret.
	ReasonCredentialPromoted = "CredentialPromoted"
)

// Reasons of a PushChannel's Delivering and of the rows of a PushApp.
const (
	// ReasonDelivering says that the vendor takes pushes.
	ReasonDelivering = "Delivering"
	// ReasonNoTraffic says that nothing was sent lately.
	ReasonNoTraffic = "NoTraffic"
	// ReasonQuotaExhausted says that the vendor's quota is used up; the message says until when.
	ReasonQuotaExhausted = "QuotaExhausted"
	// ReasonMassInvalidation says that the vendor calls so many known tokens invalid that the credential or the topic must be
	// wrong; nothing is unbound.
	ReasonMassInvalidation = "MassInvalidation"
	// ReasonMisconfigured says that a dispatcher cannot send with the channel's configuration; the message quotes it.
	ReasonMisconfigured = "Misconfigured"
	// ReasonMessagesRefused says that the vendor answers, and takes none of the messages because of what is in them.
	ReasonMessagesRefused = "MessagesRefused"
)

// Reasons of a PushApp's ChannelsReady and of its rows.
const (
	// ReasonChannelsReady says that every required channel is ready.
	ReasonChannelsReady = "ChannelsReady"
	// ReasonChannelReady says that a row's channel is ready.
	ReasonChannelReady = "ChannelReady"
	// ReasonChannelNotFound says that the PushChannel does not exist; the controller waits for it.
	ReasonChannelNotFound = "ChannelNotFound"
	// ReasonChannelNotReady says that the PushChannel is not Ready; the message quotes it.
	ReasonChannelNotReady = "ChannelNotReady"
	// ReasonAccessDenied says that the PushChannel's access does not let this app's namespace in.
	ReasonAccessDenied = "AccessDenied"
	// ReasonAmbiguousChannel says that two rows fit the same phones.
	ReasonAmbiguousChannel = "AmbiguousChannel"
)

// Reasons of a PushApp's StoreReady.
const (
	// ReasonStoreReady says that the dispatchers read and write the store.
	ReasonStoreReady = "StoreReady"
	// ReasonVolumePending says that the volume is not bound yet.
	ReasonVolumePending = "VolumePending"
	// ReasonVolumeLost says that the volume behind the claim is gone.
	ReasonVolumeLost = "VolumeLost"
	// ReasonStoreUnavailable says that a dispatcher cannot use the store; the message says why.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonStoreMismatch says that the store belongs to another appID.
	ReasonStoreMismatch = "StoreMismatch"
)

// Reasons of a PushApp's DispatcherAvailable.
const (
	// ReasonDispatcherAvailable says that the wanted number of dispatchers accepts work.
	ReasonDispatcherAvailable = "DispatcherAvailable"
	// ReasonUpgradePending says that the wanted number of dispatchers accepts work, and that what a new manager changes of them
	// waits until other apps are through.
	ReasonUpgradePending = "UpgradePending"
	// ReasonRollingOut says that pods are being made or replaced.
	ReasonRollingOut = "RollingOut"
	// ReasonUnschedulable says that no node takes the pods; the message quotes the scheduler.
	ReasonUnschedulable = "Unschedulable"
	// ReasonImagePullFailed says that a node cannot get the image.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonCrashLooping says that dispatchers end again and again.
	ReasonCrashLooping = "CrashLooping"
	// ReasonDeploymentFailed says that the Deployment made no progress or its pods were refused; the message quotes it.
	ReasonDeploymentFailed = "DeploymentFailed"
)

// Reasons of a PushApp's ConfigApplied.
const (
	// ReasonConfigApplied says that every dispatcher runs on the configuration rendered last.
	ReasonConfigApplied = "ConfigApplied"
	// ReasonConfigPending says that dispatchers have yet to load the configuration rendered last.
	ReasonConfigPending = "ConfigPending"
	// ReasonConfigRejected says that a dispatcher refused the configuration and runs on the one before.
	ReasonConfigRejected = "ConfigRejected"
	// ReasonConfigTooLarge says that the configuration does not fit into a Secret; fewer channels or profiles help.
	ReasonConfigTooLarge = "ConfigTooLarge"
	// ReasonReportPending says that a dispatcher that starts did not report yet, or is opening the store.
	ReasonReportPending = "ReportPending"
	// ReasonReportUnavailable says that the report of a dispatcher that reported before, or accepts work, cannot be read.
	ReasonReportUnavailable = "ReportUnavailable"
)

// Reasons of a PushTest.
const (
	// ReasonPushed says that every vendor took the push.
	ReasonPushed = "Pushed"
	// ReasonPushing says that a vendor has yet to answer; the message quotes what it answered so far.
	ReasonPushing = "Pushing"
	// ReasonTooSoon says that the phone had a test less than 5 seconds ago; the test waits.
	ReasonTooSoon = "TooSoon"
	// ReasonAppNotFound says that the PushApp does not exist; the test waits for it.
	ReasonAppNotFound = "AppNotFound"
	// ReasonDispatcherUnreachable says that no dispatcher of the app answers; the test waits for one.
	ReasonDispatcherUnreachable = "DispatcherUnreachable"
	// ReasonUnknownPushID says that no phone has the pushID.
	ReasonUnknownPushID = "UnknownPushID"
	// ReasonUserWithoutDevices says that the user has no phone.
	ReasonUserWithoutDevices = "UserWithoutDevices"
	// ReasonUnknownResourcesID says that the app has no such push profile.
	ReasonUnknownResourcesID = "UnknownResourcesID"
	// ReasonDispatcherRefused says that the dispatcher cannot send to the phone, for example because no channel serves it.
	ReasonDispatcherRefused = "DispatcherRefused"
	// ReasonVendorRefused says that the vendor refused the push; the message quotes it.
	ReasonVendorRefused = "VendorRefused"
)
