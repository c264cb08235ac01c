package dev.atelier.network.files;

import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.HostTensor.DType;
import dev.atelier.spec.DiffusersFit;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Names under which weights lie in a file. Those of a network that diffusers has no class for may
 * be asked for by none of its models: another network has tensors of the same names and shapes, and
 * would answer wrongly without a word.
 */
public final class NamesApart {

  /** Before each name: a strict load finds none, and its error says why. */
  private static final String PREFIX = "not_for_diffusers.";

  private NamesApart() {}

  /** The weights of a network as its file has them; the same map where diffusers has its class. */
  public static Map<String, HostTensor> of(Network network, Map<String, HostTensor> weights) {
    if (DiffusersFit.misfit(network.spec(), network.graph()).isEmpty()) {
      return weights;
    }
    Map<String, HostTensor> apart = new LinkedHashMap<>();
    weights.forEach((name, tensor) -> apart.put(PREFIX + name, tensor));
    // Loads that are not strict leave what they do not find at random; none takes another shape.
    apart.put(network.weights().get(0).name(), HostTensor.zeros(DType.F32, 0));
    return apart;
  }

  /** The tensors of a file by the names of their network. */
  static Map<String, HostTensor> undone(Map<String, HostTensor> tensors) {
    if (tensors.keySet().stream().noneMatch(name -> name.startsWith(PREFIX))) {
      return tensors;
    }
    Map<String, HostTensor> named = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(PREFIX)) {
            named.put(name.substring(PREFIX.length()), tensor);
          } else if (tensor.elements() > 0) {
            named.put(name, tensor); // which no network of ours has beside the others
          }
        });
    return named;
  }
}
