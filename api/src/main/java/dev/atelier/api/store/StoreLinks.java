package dev.atelier.api.store;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.store.objects.ObjectStore;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;

/** Links with which anyone can get an object from the store itself for a while. */
@ApplicationScoped
public class StoreLinks {

  private final ObjectStore store;
  private final Duration validity;

  StoreLinks(ObjectStore store, AtelierConfig config) {
    this.store = store;
    this.validity = config.s3().linkValidity();
  }

  /**
   * A link to an object, whether or not there is one.
   *
   * @throws ProblemException 409 where it is not known how users reach the store
   */
  public ObjectStore.Link link(String key) {
    return store
        .link(key, validity)
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.NO_PUBLIC_STORE,
                    "No link to the object store can be given, as atelier.s3.public-endpoint does not say under which address users reach it: download the file from here, or have the setting made."));
  }
}
