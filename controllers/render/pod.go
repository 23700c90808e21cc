package render

import (
	"maps"
	"path"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/dispatcher/config"
)

// AdminPort serves the probes, metrics and the report; no Service leads to it.
const AdminPort int32 = 9090

// ContainerName is the name of the dispatcher's container.
const ContainerName = "dispatcher"

const (
	devicePort int32 = 8080
	serverPort int32 = 8081
	peerPort   int32 = 8082

	portDevice = "device"
	portServer = "server"
	portPeer   = "peer"
	portAdmin  = "admin"

	configDir = "/etc/offlinepush"
	dataDir   = "/var/lib/offlinepush"

	envPodIP = "POD_IP"

	// The nonroot user of distroless images.
	userID int64 = 65532

	// New connections arrive for seconds after a pod starts to end, until every node took it out of its Services.
	preStopSeconds int64 = 5
	drainSeconds   int64 = 15
	// What remains is for the kubelet and for closing the store.
	graceSeconds = preStopSeconds + drainSeconds + 10
)

func podTemplate(in Input) *corev1ac.PodTemplateSpecApplyConfiguration {
	app, n := in.App, NamesOf(in.App.Name)
	want := app.Spec.Dispatcher
	labels := maps.Clone(want.PodLabels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, Labels(app.Name))
	spec := corev1ac.PodSpec().
		WithServiceAccountName(n.Dispatcher).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(graceSeconds).
		WithSecurityContext(podSecurity()).
		WithNodeSelector(want.NodeSelector).
		WithContainers(container(in)).
		WithVolumes(volumes(app, n)...)
	spread(app, spec)
	if want.PriorityClassName != "" {
		spec.WithPriorityClassName(string(want.PriorityClassName))
	}
	for _, s := range want.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(string(s.Name)))
	}
	for _, t := range want.Tolerations {
		spec.WithTolerations(toleration(t))
	}
	template := corev1ac.PodTemplateSpec().WithLabels(labels).WithAnnotations(want.PodAnnotations).WithSpec(spec)
	if shared(app) {
		template.WithAnnotations(map[string]string{PoolModeAnnotation: string(app.Spec.Store.Postgres.PoolMode)})
	}
	return template
}

func container(in Input) *corev1ac.ContainerApplyConfiguration {
	image := in.App.Spec.Dispatcher.Image
	if image == "" {
		image = in.Image
	}
	return corev1ac.Container().
		WithName(ContainerName).
		WithImage(image).
		WithArgs(args(in.App)...).
		WithEnv(environment(in.App)...).
		WithPorts(ports(in.App)...).
		WithResources(resources(in.App.Spec.Dispatcher.Resources)).
		WithSecurityContext(containerSecurity()).
		WithLifecycle(corev1ac.Lifecycle().WithPreStop(corev1ac.LifecycleHandler().
			WithSleep(corev1ac.SleepAction().WithSeconds(preStopSeconds)))).
		WithStartupProbe(probe("/healthz").WithPeriodSeconds(2).WithFailureThreshold(60)).
		WithLivenessProbe(probe("/healthz").WithPeriodSeconds(10).WithFailureThreshold(3)).
		WithReadinessProbe(probe("/readyz").WithPeriodSeconds(2).WithFailureThreshold(2)).
		WithVolumeMounts(mounts(in.App)...)
}

func args(app *pushv1.PushApp) []string {
	args := []string{
		"--config=" + path.Join(configDir, config.FileName),
		"--device-addr=" + listen(devicePort),
		"--server-addr=" + listen(serverPort),
		"--admin-addr=" + listen(AdminPort),
	}
	if shared(app) {
		args = append(args, "--peer-addr="+listen(peerPort), "--peer-advertise=$("+envPodIP+")")
	} else {
		args = append(args, "--data-dir="+dataDir)
	}
	if app.Spec.Exposure.TLS != nil {
		args = append(args, "--tls-dir="+configDir)
	}
	return args
}

func listen(port int32) string { return ":" + strconv.Itoa(int(port)) }

func environment(app *pushv1.PushApp) []*corev1ac.EnvVarApplyConfiguration {
	env := []*corev1ac.EnvVarApplyConfiguration{podField("POD_NAME", "metadata.name")}
	if shared(app) {
		env = append(env, podField(envPodIP, "status.podIP"))
	}
	if _, limited := app.Spec.Dispatcher.Resources.Limits[corev1.ResourceMemory]; limited {
		env = append(env, corev1ac.EnvVar().WithName("GOMEMLIMIT").WithValueFrom(corev1ac.EnvVarSource().
			WithResourceFieldRef(corev1ac.ResourceFieldSelector().WithContainerName(ContainerName).WithResource("limits.memory"))))
	}
	return append(env, proxyEnvironment(app.Spec.Dispatcher.Proxy)...)
}

func podField(name, path string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(path)))
}

// ports are those that the container serves; the peers' leads from pod to pod, past every Service.
func ports(app *pushv1.PushApp) []*corev1ac.ContainerPortApplyConfiguration {
	ports := []*corev1ac.ContainerPortApplyConfiguration{port(portDevice, devicePort), port(portServer, serverPort)}
	if shared(app) {
		ports = append(ports, port(portPeer, peerPort))
	}
	return append(ports, port(portAdmin, AdminPort))
}

func port(name string, number int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithContainerPort(number).WithProtocol(corev1.ProtocolTCP)
}
