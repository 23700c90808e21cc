package v1alpha1

// Condition types. Each is True when all is well, except Reconciling and Stalled, which are True while something is not and
// absent otherwise. Ready follows from the others.
const (
	// ConditionReady is True when the object does all that its spec asks for. Always present.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the controller works, or waits for something that may come by itself: a Secret, a
	// vendor that does not answer, a volume.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True when only a change by people helps: an invalid spec, a credential that the vendor refused.
	ConditionStalled = "Stalled"
)

// Condition types of a PushChannel.
const (
	// ConditionResolved is True when the Secret and the CA bundle exist and have the right shape.
	ConditionResolved = "Resolved"
	// ConditionCredentialsValid is True when the vendor accepted the credential that the spec names. Unknown until it was
	// asked, and while it does not answer.
	ConditionCredentialsValid = "CredentialsValid"
	// ConditionDelivering is True when pushes of the PushApps that use the channel reach the vendor. Unknown without traffic,
	// which does not keep the channel from being Ready.
	ConditionDelivering = "Delivering"
)

// Condition types of a PushApp.
const (
	// ConditionChannelsReady is True when every required channel is ready.
	ConditionChannelsReady = "ChannelsReady"
	// ConditionStoreReady is True when the dispatchers can read and write the store.
	ConditionStoreReady = "StoreReady"
	// ConditionDispatcherAvailable is True when the wanted number of dispatchers accepts work.
	ConditionDispatcherAvailable = "DispatcherAvailable"
	// ConditionConfigApplied is True when every dispatcher reports the configuration rendered last. Unknown while one cannot be
	// read.
	ConditionConfigApplied = "ConfigApplied"
)

// Condition types of a PushTest.
const (
	// ConditionComplete is True when every vendor took the push.
	ConditionComplete = "Complete"
	// ConditionFailed is True when a hop refused the push for good.
	ConditionFailed = "Failed"
)
