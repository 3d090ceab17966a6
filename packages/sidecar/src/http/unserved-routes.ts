/** Building blocks that are not served yet: daprd's answer where none of their components is loaded, else not implemented. */
import { type ApiError, notImplemented, unconfigured } from '../runtime/api-error.ts'
import type { RouteDefinition } from './route.ts'

type Refusal = (parameters: readonly string[]) => ApiError

export function unservedRoutes(): RouteDefinition[] {
  const routes: RouteDefinition[] = []
  const add = (
    methods: readonly string[],
    versions: readonly string[],
    path: string,
    group: string,
    name: string,
    refusal: Refusal,
  ) => {
    for (const version of versions) {
      routes.push({
        methods,
        version,
        path,
        group,
        name,
        handle: ({ parameters }) => {
          throw refusal(parameters)
        },
      })
    }
  }
  const write = ['POST', 'PUT']
  const v1 = ['v1.0']
  const alpha = ['v1.0-alpha1']
  const pubsub: Refusal = ([name = '']) => unconfigured.pubsub(name)
  add(write, v1, 'publish/{pubsubname}/*', 'publish', 'PublishEvent', pubsub)
  add(write, [...alpha, ...v1], 'publish/bulk/{pubsubname}/*', 'publish', 'BulkPublishEvent', pubsub)
  add(write, v1, 'bindings/{name}', 'bindings', 'InvokeBinding', ([name = '']) => unconfigured.binding(name))
  for (const [path, name] of [
    ['configuration/{storeName}', 'GetConfiguration'],
    ['configuration/{storeName}/subscribe', 'SubscribeConfiguration'],
    ['configuration/{storeName}/{configurationSubscribeID}/unsubscribe', 'UnsubscribeConfiguration'],
  ] as const) {
    add(['GET'], [...alpha, ...v1], path, 'configuration', name, unconfigured.configuration)
  }
  add(['POST'], alpha, 'lock/{storeName}', 'lock', 'TryLock', unconfigured.lock)
  add(['POST'], alpha, 'unlock/{storeName}', 'unlock', 'Unlock', unconfigured.lock)
  for (const [methods, path, name] of [
    [write, 'actors/{actorType}/{actorId}/state', 'ExecuteActorStateTransaction'],
    [['GET', 'POST', 'DELETE', 'PUT'], 'actors/{actorType}/{actorId}/method/{method}', 'InvokeActor'],
    [['GET'], 'actors/{actorType}/{actorId}/state/{key}', 'GetActorState'],
    [write, 'actors/{actorType}/{actorId}/reminders/{name}', 'RegisterActorReminder'],
    [write, 'actors/{actorType}/{actorId}/timers/{name}', 'RegisterActorTimer'],
    [['DELETE'], 'actors/{actorType}/{actorId}/reminders/{name}', 'UnregisterActorReminder'],
    [['DELETE'], 'actors/{actorType}/{actorId}/timers/{name}', 'UnregisterActorTimer'],
    [['GET'], 'actors/{actorType}/{actorId}/reminders/{name}', 'GetActorReminder'],
  ] as const) {
    add(methods, v1, path, 'actors', name, unconfigured.actors)
  }
  add(['PUT'], alpha, 'crypto/{name}/encrypt', 'crypto', 'Encrypt', unconfigured.crypto)
  add(['PUT'], alpha, 'crypto/{name}/decrypt', 'crypto', 'Decrypt', unconfigured.crypto)
  for (const operation of ['getkey', 'encrypt', 'decrypt', 'wrapkey', 'unwrapkey', 'sign', 'verify']) {
    add(['POST'], alpha, `subtlecrypto/{name}/${operation}`, 'subtlecrypto', `Subtle${operation}`, notImplemented)
  }
  add(
    ['POST'],
    ['v1.0-alpha1', 'v1.0-alpha2'],
    'conversation/{name}/converse',
    'conversation',
    'Converse',
    ([name = '']) => unconfigured.conversation(name),
  )
  for (const [method, name] of [
    ['POST', 'ScheduleJob'],
    ['DELETE', 'DeleteJob'],
    ['GET', 'GetJob'],
  ] as const) {
    add([method], [...alpha, ...v1], 'jobs/{name}', 'jobs', name, notImplemented)
  }
  const workflow = 'workflows/{workflowComponent}/{instanceID}'
  for (const [method, path, name] of [
    ['GET', workflow, 'GetWorkflow'],
    ['POST', `${workflow}/raiseEvent/{eventName}`, 'RaiseEventWorkflow'],
    ['POST', 'workflows/{workflowComponent}/{workflowName}/start', 'StartWorkflow'],
    ['POST', `${workflow}/pause`, 'PauseWorkflow'],
    ['POST', `${workflow}/resume`, 'ResumeWorkflow'],
    ['POST', `${workflow}/terminate`, 'TerminateWorkflow'],
    ['POST', `${workflow}/purge`, 'PurgeWorkflow'],
  ] as const) {
    add([method], ['v1.0-alpha1', 'v1.0-beta1', 'v1.0'], path, 'workflows', name, unconfigured.actors)
  }
  return routes
}
