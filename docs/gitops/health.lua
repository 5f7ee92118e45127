-- Health of a BaileysTenant for Argo CD: resource.customizations.health.janitor.baileys.dev_BaileysTenant in argocd-cm.
-- It serves for a BaileysKeyStore and a BaileysTenantSet as well.
-- A tenant under pressure is not unhealthy as far as Argo CD is concerned: its session is, and the janitor is on it.
-- What degrades an application is that the janitor cannot observe or act (Stalled), and a broken creds.json.
local hs = { status = "Progressing", message = "Waiting for the first look" }
local status = obj.status
if status == nil then
  return hs
end
local generation = obj.metadata.generation
if status.observedGeneration == nil or status.observedGeneration < 0 then
  return hs
end
if generation ~= nil and status.observedGeneration < generation then
  hs.message = "Waiting for the operator to see the change"
  return hs
end
local ready = nil
for _, condition in ipairs(status.conditions or {}) do
  -- A broken or missing creds.json is the one trouble that a sync can make worse: a rollout stops the process that can
  -- save it.
  local broken = condition.type == "Stalled" or condition.type == "CredentialsCorrupt"
    or condition.type == "CredentialsMissing"
  if broken and condition.status == "True" then
    hs.status = "Degraded"
    hs.message = condition.message
    return hs
  end
  if condition.type == "Ready" then
    ready = condition
  end
end
if ready == nil or ready.status == "Unknown" then
  return hs
end
hs.message = ready.message
if ready.status ~= "True" then
  return hs
end
-- Suspended tenants too: their Ready says so, and a wave that waits for Healthy goes on.
hs.status = "Healthy"
return hs
