package report

// ChannelStates lists every state of a channel row once.
func ChannelStates() []ChannelState {
	return []ChannelState{
		NoTraffic, Delivering, CredentialRejected, MassInvalidation, QuotaExhausted, Throttled, Unreachable, Misconfigured, Refusing,
	}
}
