package dev.keystead.peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.dapr.client.DaprClient;
import io.dapr.client.DaprClientBuilder;
import io.dapr.client.domain.State;
import io.dapr.client.domain.StateOptions;
import io.dapr.client.domain.TransactionalStateOperation;
import io.dapr.client.domain.TransactionalStateOperation.OperationType;
import io.dapr.exceptions.DaprException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Drives a sidecar with the Dapr SDK for Java, which finds it by its environment. Prints one JSON object. */
public final class DaprPeer {
  /** What the tests save; the SDK turns it into JSON and back. */
  public record Order(String item, int amount) {}

  private interface Call {
    Object run() throws Exception;
  }

  /** What the call answers, or the error code and message it was refused with. */
  private static Object outcome(Call call) throws Exception {
    try {
      return call.run();
    } catch (DaprException refused) {
      Map<String, Object> error = new LinkedHashMap<>();
      error.put("code", refused.getErrorCode());
      error.put("message", refused.getMessage());
      return error;
    }
  }

  public static void main(String[] args) throws Exception {
    Map<String, Object> out = new LinkedHashMap<>();
    StateOptions firstWrite =
        new StateOptions(StateOptions.Consistency.STRONG, StateOptions.Concurrency.FIRST_WRITE);
    try (DaprClient client = new DaprClientBuilder().build()) {
      out.put("secret", outcome(() -> client.getSecret("secrets", "k").block()));
      out.put("bulkSecret", outcome(() -> new TreeMap<>(client.getBulkSecret("secrets").block())));
      out.put("noSuchStore", outcome(() -> client.getSecret("nowhere", "k").block()));
      out.put("noSuchSecret", outcome(() -> client.getSecret("secrets", "absent").block()));
      out.put("deniedByScope", outcome(() -> client.getSecret("secrets", "denied").block()));

      out.put("save", outcome(() -> client.saveState("state", "a", new Order("teapot", 1)).block()));
      State<Order> read = client.getState("state", "a", Order.class).block();
      out.put("get", read.getValue());
      out.put("hasEtag", read.getEtag() != null && !read.getEtag().isEmpty());
      out.put(
          "saveWithEtag",
          outcome(() -> client.saveState("state", "a", read.getEtag(), new Order("teapot", 2), firstWrite).block()));
      out.put(
          "saveWithOldEtag",
          outcome(() -> client.saveState("state", "a", read.getEtag(), new Order("teapot", 3), firstWrite).block()));
      out.put("deleteWithOldEtag", outcome(() -> client.deleteState("state", "a", read.getEtag(), firstWrite).block()));
      out.put(
          "transaction",
          outcome(
              () ->
                  client
                      .executeStateTransaction(
                          "state",
                          List.of(
                              new TransactionalStateOperation<>(
                                  OperationType.UPSERT, new State<>("b", new Order("cup", 4), "")),
                              new TransactionalStateOperation<>(OperationType.DELETE, new State<>("a"))))
                      .block()));
      out.put("saveInMissingStore", outcome(() -> client.saveState("nowhere", "a", "x").block()));
      Map<String, Object> bulk = new TreeMap<>();
      for (State<Order> state : client.getBulkState("state", List.of("a", "b"), Order.class).block()) {
        bulk.put(state.getKey(), state.getValue());
      }
      out.put("bulkState", bulk);
      out.put("delete", outcome(() -> client.deleteState("state", "b").block()));
      out.put("afterDelete", client.getState("state", "b", Order.class).block().getValue());
    }
    System.out.println(new ObjectMapper().writeValueAsString(out));
  }
}
