package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// Health is what Argo CD shows of an object.
type Health struct {
	// Status is Healthy, Progressing, Degraded or Suspended.
	Status string
	// Message says why.
	Message string
}

// The health that Argo CD knows.
const (
	HealthHealthy     = "Healthy"
	HealthProgressing = "Progressing"
	HealthDegraded    = "Degraded"
	HealthSuspended   = "Suspended"
)

// AgreesWith reports whether a reader of kstatus comes to the same. kstatus knows no suspension: it waits.
func (h Health) AgreesWith(status kstatus.Status) bool {
	switch h.Status {
	case HealthHealthy:
		return status == kstatus.CurrentStatus
	case HealthDegraded:
		return status == kstatus.FailedStatus
	case HealthSuspended:
		return status == kstatus.InProgressStatus
	case HealthProgressing:
		return status == kstatus.InProgressStatus || status == kstatus.TerminatingStatus
	}
	return false
}

// healthChecks are the scripts that Argo CD's users install, by kind.
var healthChecks = sync.OnceValues(func() (map[string]string, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "config", "argocd", "argocd-cm.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading Argo CD's health checks: %w", err)
	}
	var settings corev1.ConfigMap
	if err := yaml.UnmarshalStrict(text, &settings); err != nil {
		return nil, fmt.Errorf("reading Argo CD's health checks: %w", err)
	}
	checks := map[string]string{}
	for _, kind := range []string{"PushChannel", "PushApp", "PushTest"} {
		script, ok := settings.Data["resource.customizations.health.offlinepush.io_"+kind]
		if !ok {
			return nil, fmt.Errorf("config/argocd/argocd-cm.yaml has no health check for %s", kind)
		}
		checks[kind] = script
	}
	return checks, nil
})

// ArgoHealth is what Argo CD makes of an object of the kind with the health checks of config/argocd.
func ArgoHealth(kind string, content map[string]any) (Health, error) {
	checks, err := healthChecks()
	if err != nil {
		return Health{}, err
	}
	machine, err := sandbox()
	if err != nil {
		return Health{}, err
	}
	defer machine.Close()
	machine.SetGlobal("obj", luaValue(machine, content))
	if err := machine.DoString(checks[kind]); err != nil {
		return Health{}, fmt.Errorf("running the health check of %s: %w", kind, err)
	}
	answer, ok := machine.Get(-1).(*lua.LTable)
	if !ok {
		return Health{}, errors.New("the health check of " + kind + " returned no table")
	}
	return Health{Status: lua.LVAsString(answer.RawGetString("status")), Message: lua.LVAsString(answer.RawGetString("message"))}, nil
}

// sandbox is a machine with the libraries that Argo CD opens by itself.
func sandbox() (*lua.LState, error) {
	machine := lua.NewState(lua.Options{SkipOpenLibs: true})
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		call := lua.P{Fn: machine.NewFunction(open), NRet: 0, Protect: true}
		if err := machine.CallByParam(call, lua.LString(name)); err != nil {
			machine.Close()
			return nil, fmt.Errorf("opening Lua's library %q: %w", name, err)
		}
	}
	return machine, nil
}

// luaValue turns a value of an unstructured object into Lua's, as Argo CD does.
func luaValue(machine *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := machine.CreateTable(len(v), 0)
		for _, element := range v {
			table.Append(luaValue(machine, element))
		}
		return table
	case map[string]any:
		table := machine.CreateTable(0, len(v))
		for key, element := range v {
			table.RawSetString(key, luaValue(machine, element))
		}
		return table
	}
	return lua.LNil
}
