/** Microsoft.Storage as a resource provider: its types, and each operation with what it needs. */
import type { Operation, OperationContext, OperationResult, ResourceProvider } from '@keystead/resource-manager'
import {
  type AccountBody,
  type AccountPatchBody,
  type AccountSasBody,
  accountBody,
  accountPatchBody,
  accountSasBody,
  type CheckNameBody,
  checkNameBody,
  type RegenerateKeyBody,
  regenerateKeyBody,
  type ServiceSasBody,
  serviceSasBody,
} from './account-properties.ts'
import { apiVersions } from './api-versions.ts'
import { locations } from './locations.ts'
import { type ServiceBody, type ServiceHandlers, serviceBody } from './services.ts'
import type { StorageAccountHandlers } from './storage-accounts.ts'
import { type SubResourceBody, type SubResourceHandlers, subResourceBody } from './sub-resources.ts'

export interface ProviderHandlers {
  readonly accounts: StorageAccountHandlers
  readonly blobService: ServiceHandlers
  readonly queueService: ServiceHandlers
  readonly containers: SubResourceHandlers
  readonly queues: SubResourceHandlers
}

const root = 'Microsoft.Storage/storageAccounts'

export function storageProvider(handlers: ProviderHandlers): ResourceProvider {
  const { accounts, blobService, queueService, containers, queues } = handlers
  return {
    namespace: 'Microsoft.Storage',
    types: [
      {
        type: 'storageAccounts',
        apiVersions,
        locations,
        onDelete: (id) => accounts.forget((id.split('/').at(-1) ?? '').toLowerCase(), id),
        operations: [
          {
            name: 'StorageAccounts_Create',
            method: 'PUT',
            on: 'resource',
            action: `${root}/write`,
            body: accountBody,
            handle: (context) => accounts.put(context),
          } satisfies Operation<AccountBody>,
          {
            name: 'StorageAccounts_Update',
            method: 'PATCH',
            on: 'resource',
            action: `${root}/write`,
            body: accountPatchBody,
            handle: (context) => accounts.patch(context),
          } satisfies Operation<AccountPatchBody>,
          {
            name: 'StorageAccounts_GetProperties',
            method: 'GET',
            on: 'resource',
            action: `${root}/read`,
            handle: (context) => accounts.get(context),
          } satisfies Operation,
          {
            name: 'StorageAccounts_Delete',
            method: 'DELETE',
            on: 'resource',
            action: `${root}/delete`,
            handle: (context) => accounts.delete(context),
          } satisfies Operation,
          {
            name: 'StorageAccounts_ListByResourceGroup',
            method: 'GET',
            on: 'collection',
            action: `${root}/read`,
            handle: (context) => accounts.list(context),
          } satisfies Operation,
          {
            name: 'StorageAccounts_List',
            method: 'GET',
            on: 'subscription',
            action: `${root}/read`,
            handle: (context) => accounts.list(context),
          } satisfies Operation,
          {
            name: 'StorageAccounts_ListKeys',
            method: 'POST',
            on: 'resource',
            verb: 'listKeys',
            action: `${root}/listKeys/action`,
            handle: (context) => accounts.listKeys(context),
          } satisfies Operation,
          {
            name: 'StorageAccounts_RegenerateKey',
            method: 'POST',
            on: 'resource',
            verb: 'regenerateKey',
            action: `${root}/regenerateKey/action`,
            body: regenerateKeyBody,
            handle: (context) => accounts.regenerateKey(context),
          } satisfies Operation<RegenerateKeyBody>,
          {
            name: 'StorageAccounts_ListAccountSAS',
            method: 'POST',
            on: 'resource',
            verb: 'ListAccountSas',
            action: `${root}/listAccountSas/action`,
            body: accountSasBody,
            handle: (context) => accounts.listAccountSas(context),
          } satisfies Operation<AccountSasBody>,
          {
            name: 'StorageAccounts_ListServiceSAS',
            method: 'POST',
            on: 'resource',
            verb: 'ListServiceSas',
            action: `${root}/listServiceSas/action`,
            body: serviceSasBody,
            handle: (context) => accounts.listServiceSas(context),
          } satisfies Operation<ServiceSasBody>,
          {
            name: 'StorageAccounts_RevokeUserDelegationKeys',
            method: 'POST',
            on: 'resource',
            verb: 'revokeUserDelegationKeys',
            action: `${root}/revokeUserDelegationKeys/action`,
            handle: (context) => accounts.revokeUserDelegationKeys(context),
          } satisfies Operation,
          {
            name: 'StorageAccounts_CheckNameAvailability',
            method: 'POST',
            on: 'subscription',
            verb: 'checkNameAvailability',
            action: 'Microsoft.Storage/checknameavailability/read',
            body: checkNameBody,
            handle: (context) => accounts.checkName(context),
          } satisfies Operation<CheckNameBody>,
        ],
      },
      dataServiceType('blobServices', blobService),
      dataServiceType('queueServices', queueService),
      serviceType('blobServices', 'containers', containers),
      serviceType('queueServices', 'queues', queues),
    ],
  }
}

function dataServiceType(services: 'blobServices' | 'queueServices', handlers: ServiceHandlers) {
  const action = `${root}/${services}`
  return {
    type: `storageAccounts/${services}`,
    apiVersions,
    operations: [
      operation(`${services}_Get`, 'GET', 'resource', `${action}/read`, (context) => handlers.get(context)),
      operation(`${services}_List`, 'GET', 'collection', `${action}/read`, (context) => handlers.list(context)),
      {
        name: `${services}_Set`,
        method: 'PUT',
        on: 'resource',
        action: `${action}/write`,
        body: serviceBody,
        handle: (context: OperationContext<ServiceBody>) => handlers.put(context),
      },
    ],
  } satisfies ResourceProvider['types'][number]
}

function serviceType(services: string, collection: string, handlers: SubResourceHandlers) {
  const action = `${root}/${services}/${collection}`
  return {
    type: `storageAccounts/${services}/${collection}`,
    apiVersions,
    operations: [
      {
        name: `${collection}_Create`,
        method: 'PUT',
        on: 'resource',
        action: `${action}/write`,
        body: subResourceBody,
        handle: (context: OperationContext<SubResourceBody>) => handlers.put(context),
      },
      {
        name: `${collection}_Update`,
        method: 'PATCH',
        on: 'resource',
        action: `${action}/write`,
        body: subResourceBody,
        handle: (context: OperationContext<SubResourceBody>) => handlers.patch(context),
      },
      operation(`${collection}_Get`, 'GET', 'resource', `${action}/read`, (context) => handlers.get(context)),
      operation(`${collection}_Delete`, 'DELETE', 'resource', `${action}/delete`, (context) =>
        handlers.delete(context),
      ),
      operation(`${collection}_List`, 'GET', 'collection', `${action}/read`, (context) => handlers.list(context)),
    ],
  } satisfies ResourceProvider['types'][number]
}

function operation(
  name: string,
  method: Operation['method'],
  on: Operation['on'],
  action: string,
  handle: (context: OperationContext) => Promise<OperationResult>,
): Operation {
  return { name, method, on, action, handle }
}
