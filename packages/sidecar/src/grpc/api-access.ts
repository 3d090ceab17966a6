/** The API allow and deny lists of the configuration, for gRPC (pkg/api/grpc/endpoints.go). */
import type { ApiAccessRule } from '../loading/configuration.ts'

export const daprService = '/dapr.proto.runtime.v1.Dapr/'

const runtimePrefix = '/dapr.proto.runtime.'
const workflow = (suffix: string) =>
  ['Start', 'Get', 'Terminate', 'RaiseEvent', 'Purge', 'Pause', 'Resume'].map((verb) => `${verb}Workflow${suffix}`)

/** The methods that a rule's `name.version` stands for. */
const methodsByRule: Readonly<Record<string, readonly string[]>> = {
  'invoke.v1': ['InvokeService'],
  'state.v1': ['GetState', 'GetBulkState', 'SaveState', 'DeleteState', 'DeleteBulkState', 'ExecuteStateTransaction'],
  'state.v1alpha1': ['QueryStateAlpha1'],
  'publish.v1': ['PublishEvent', 'BulkPublishEvent'],
  'publish.v1alpha1': ['BulkPublishEventAlpha1'],
  'bindings.v1': ['InvokeBinding'],
  'secrets.v1': ['GetSecret', 'GetBulkSecret'],
  'actors.v1': [
    'RegisterActorTimer',
    'UnregisterActorTimer',
    'RegisterActorReminder',
    'GetActorReminder',
    'UnregisterActorReminder',
    'UnregisterActorRemindersByType',
    'ListActorReminders',
    'GetActorState',
    'ExecuteActorStateTransaction',
    'InvokeActor',
  ],
  'actors.v1alpha1': ['SubscribeActorEventsAlpha1'],
  'metadata.v1': ['GetMetadata', 'SetMetadata'],
  'configuration.v1alpha1': [
    'GetConfigurationAlpha1',
    'SubscribeConfigurationAlpha1',
    'UnsubscribeConfigurationAlpha1',
  ],
  'configuration.v1': ['GetConfiguration', 'SubscribeConfiguration', 'UnsubscribeConfiguration'],
  'lock.v1alpha1': ['TryLockAlpha1'],
  'unlock.v1alpha1': ['UnlockAlpha1'],
  'subtlecrypto.v1alpha1': ['GetKey', 'Encrypt', 'Decrypt', 'Sign', 'Verify', 'WrapKey', 'UnwrapKey'].map(
    (operation) => `Subtle${operation}Alpha1`,
  ),
  'crypto.v1alpha1': ['EncryptAlpha1', 'DecryptAlpha1'],
  'workflows.v1alpha1': workflow('Alpha1'),
  'workflows.v1beta1': workflow('Beta1'),
  'jobs.v1alpha1': [
    'ScheduleJobAlpha1',
    'DeleteJobAlpha1',
    'GetJobAlpha1',
    'DeleteJobsByPrefixAlpha1',
    'ListJobsAlpha1',
  ],
  'jobs.v1': ['ScheduleJob', 'DeleteJob', 'GetJob', 'DeleteJobsByPrefix', 'ListJobs'],
  'shutdown.v1': ['Shutdown'],
  'subscribe.v1alpha1': ['SubscribeTopicEventsAlpha1'],
  'conversation.v1alpha1': ['ConverseAlpha1'],
  'conversation.v1alpha2': ['ConverseAlpha2'],
}

/** Whether a path may be called; undefined when no rule speaks of gRPC. Other services' paths always may. */
export function createApiAccess(
  allowed: readonly ApiAccessRule[],
  denied: readonly ApiAccessRule[],
): ((path: string) => boolean) | undefined {
  const allow = pathsOf(allowed)
  const deny = pathsOf(denied)
  if (allow.size === 0 && deny.size === 0) return undefined
  return (path) => {
    if (!path.startsWith(runtimePrefix)) return true
    return !deny.has(path) && (allow.size === 0 || allow.has(path))
  }
}

function pathsOf(rules: readonly ApiAccessRule[]): ReadonlySet<string> {
  return new Set(
    rules
      .filter(({ protocol }) => protocol === 'grpc')
      .flatMap(({ name, version }) => methodsByRule[`${name}.${version}`] ?? [])
      .map((method) => `${daprService}${method}`),
  )
}
