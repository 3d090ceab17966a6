/** Building blocks that are not served yet: daprd's answer where none of their components is loaded, else UNIMPLEMENTED. */
import { type ApiError, notImplemented, unconfigured } from '../runtime/api-error.ts'
import { ConversationRequest } from './gen/dapr/proto/runtime/v1/ai.ts'
import { InvokeBindingRequest } from './gen/dapr/proto/runtime/v1/binding.ts'
import {
  UnsubscribeConfigurationRequest,
  UnsubscribeConfigurationResponse,
} from './gen/dapr/proto/runtime/v1/configuration.ts'
import { TryLockRequest } from './gen/dapr/proto/runtime/v1/lock.ts'
import { BulkPublishRequest, PublishEventRequest } from './gen/dapr/proto/runtime/v1/pubsub.ts'
import { Empty } from './gen/google/protobuf/empty.ts'
import type { MessageType } from './messages.ts'
import { type Method, method } from './method.ts'

export function unservedMethods(): Record<string, Method> {
  const pubsub = ({ pubsubName }: { readonly pubsubName: string }) =>
    pubsubName === '' ? unconfigured.pubsubWithoutName() : unconfigured.pubsub(pubsubName)
  const converse = refusing(ConversationRequest, ({ name }) => unconfigured.conversation(name))
  const unsubscribe = method(UnsubscribeConfigurationRequest, UnsubscribeConfigurationResponse, ({ id }) => ({
    ok: false,
    message: `failed to unsubscribe to configuration request ${id}: subscription does not exist`,
  }))
  return {
    PublishEvent: refusing(PublishEventRequest, pubsub),
    BulkPublishEvent: refusing(BulkPublishRequest, pubsub),
    BulkPublishEventAlpha1: refusing(BulkPublishRequest, pubsub),
    InvokeBinding: refusing(InvokeBindingRequest, ({ name, operation }) =>
      operation === '' ? unconfigured.bindingWithoutOperation(name) : unconfigured.binding(name),
    ),
    TryLockAlpha1: refusing(TryLockRequest, ({ storeName, expiryInSeconds }) =>
      expiryInSeconds <= 0 ? unconfigured.lockExpiry(storeName) : unconfigured.lock(),
    ),
    UnlockAlpha1: refusingAll(unconfigured.lock),
    ConverseAlpha1: converse,
    // The name is the same field of either request.
    ConverseAlpha2: converse,
    ...all(
      ['GetConfiguration', 'GetConfigurationAlpha1', 'SubscribeConfiguration', 'SubscribeConfigurationAlpha1'],
      refusingAll(unconfigured.configuration),
    ),
    ...all(['UnsubscribeConfiguration', 'UnsubscribeConfigurationAlpha1'], unsubscribe),
    ...all(actorMethods, refusingAll(unconfigured.actors)),
    ...all(['EncryptAlpha1', 'DecryptAlpha1'], refusingAll(unconfigured.crypto)),
    ...all(notServed, refusingAll(notImplemented)),
  }
}

/** Methods of the sidecars' own service that are not served. */
export function unservedInternalMethods(): Record<string, Method> {
  return all(['CallActor', 'CallActorReminder', 'CallActorStream'], refusingAll(unconfigured.actors))
}

const workflowVerbs = ['Start', 'Get', 'Purge', 'Terminate', 'Pause', 'Resume', 'RaiseEvent']

const actorMethods = [
  'RegisterActorTimer',
  'UnregisterActorTimer',
  'RegisterActorReminder',
  'UnregisterActorReminder',
  'UnregisterActorRemindersByType',
  'ListActorReminders',
  'GetActorReminder',
  'GetActorState',
  'ExecuteActorStateTransaction',
  'InvokeActor',
  ...['Alpha1', 'Beta1'].flatMap((version) => workflowVerbs.map((verb) => `${verb}Workflow${version}`)),
]

const notServed = [
  'SubscribeTopicEventsAlpha1',
  'SubscribeActorEventsAlpha1',
  ...['GetKey', 'Encrypt', 'Decrypt', 'WrapKey', 'UnwrapKey', 'Sign', 'Verify'].map(
    (operation) => `Subtle${operation}Alpha1`,
  ),
  ...['', 'Alpha1'].flatMap((version) =>
    ['ScheduleJob', 'GetJob', 'DeleteJob', 'DeleteJobsByPrefix', 'ListJobs'].map((name) => `${name}${version}`),
  ),
]

function refusing<I>(requestType: MessageType<I>, refusal: (request: I) => ApiError): Method {
  return method<I, Empty>(requestType, Empty, (request) => {
    throw refusal(request)
  })
}

/** A refusal for whatever the request says. */
function refusingAll(refusal: () => ApiError): Method {
  return () => () => {
    throw refusal()
  }
}

function all(names: readonly string[], served: Method): Record<string, Method> {
  return Object.fromEntries(names.map((name) => [name, served]))
}
