package dev.atelier.dataset;

import dev.atelier.dataset.SourceFiles.Entry;
import dev.atelier.untrusted.HeapBudget;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The names under which a source's files can be read, once repeated names and the links of an
 * archive are resolved as unpacking it would.
 *
 * <p>Of a repeated name the last entry counts. A hard link is the file that its target's name stood
 * for when the link came; a symbolic link is what its target's name stands for at the end. Links to
 * folders give every file below them a further name, except where they lead round in a circle.
 */
final class SourceListing {

  private static final int MOST_FILES = 20_000_000;
  private static final int MOST_HOPS = 40; // on the way to a file, as Linux follows
  private static final int MOST_PATH = 4096; // characters, as Linux takes

  /** What a name stands for. */
  sealed interface Node {
    String name();
  }

  /**
   * A file.
   *
   * @param origin the name of the entry that holds it, another one where links lead to it
   * @param entry its place among the entries that the source is visited by, from 0
   */
  record Found(String name, String origin, int entry, long sizeBytes) implements Node {
    Found named(String further) {
      return further.equals(name) ? this : new Found(further, origin, entry, sizeBytes);
    }
  }

  /** Something that cannot be read. */
  record Lost(String name, Reason reason) implements Node {}

  private record Link(String name, String target) implements Node {}

  private final TreeMap<String, Node> nodes = new TreeMap<>();
  private final Set<String> folders = new HashSet<>();
  private final List<Found> found = new ArrayList<>();
  private final List<Lost> lost = new ArrayList<>();
  private final long mostLinked;
  private final Interruption interruption;
  private int visited;
  private long linked;

  private SourceListing(ArchiveLimits limits, Interruption interruption) {
    mostLinked = Math.min(limits.entries(), HeapBudget.archiveEntries());
    this.interruption = interruption;
  }

  /**
   * Reads every name of a source.
   *
   * @param limits bound the names that links add
   * @param interruption asked for each entry and link
   */
  static SourceListing of(SourceFiles source, ArchiveLimits limits, Interruption interruption)
      throws IOException {
    SourceListing listing = new SourceListing(limits, interruption);
    source.forEach(
        (entry, content) -> {
          interruption.check();
          listing.add(entry);
        });
    listing.resolve();
    return listing;
  }

  /** Throws where nobody waits for the work any more. */
  @FunctionalInterface
  interface Interruption {
    void check() throws IOException;
  }

  /** Files in name order. */
  List<Found> found() {
    return found;
  }

  /** Names that cannot be read, and those that were replaced. */
  List<Lost> lost() {
    return lost;
  }

  private void add(Entry entry) throws IOException {
    int place = visited++;
    String name = entry.name();
    if (entry instanceof Entry.Folder) {
      folders.add(name);
      return;
    }
    if (nodes.put(name, node(entry, place)) != null) {
      lost.add(new Lost(name, Reason.REPEATED));
    } else if (nodes.size() > MOST_FILES) {
      throw new IOException("expected at most %d files.".formatted(MOST_FILES));
    }
  }

  private Node node(Entry entry, int place) {
    String name = entry.name();
    if (entry instanceof Entry.File file) {
      return new Found(name, name, place, file.sizeBytes());
    }
    if (entry instanceof Entry.SymbolicLink link) {
      return new Link(name, link.target());
    }
    if (entry instanceof Entry.HardLink link) {
      return hardLink(name, link.target());
    }
    return new Lost(name, ((Entry.Unreadable) entry).reason());
  }

  private Node hardLink(String name, String target) {
    Node first = nodes.get(EntryName.normal(target));
    if (first instanceof Found file) {
      return file.named(name);
    }
    if (first instanceof Link link) {
      return new Link(name, link.target());
    }
    if (first instanceof Lost none) {
      return new Lost(name, none.reason());
    }
    boolean leaves = target.startsWith("/") || EntryName.parts(target).contains("..");
    return new Lost(name, leaves ? Reason.LEAVING_LINK : Reason.BROKEN_LINK);
  }

  private void resolve() throws IOException {
    walk("", "", new ArrayDeque<>());
    found.sort(Comparator.comparing(Found::name));
  }

  /**
   * Finds the files below {@code folder}, under names that begin with {@code shown} in its place.
   *
   * @param within folders that contain the links that led here
   */
  private void walk(String folder, String shown, Deque<String> within) throws IOException {
    for (Node node : below(folder)) {
      if (within.isEmpty()) {
        see(node, node.name(), within);
      } else if (++linked > mostLinked) {
        throw new IOException(
            "Its links give it more than %d further names (atelier.sources.archive-entries, and the heap's room)."
                .formatted(mostLinked));
      } else {
        see(node, shown + node.name().substring(folder.length() + 1), within);
      }
    }
  }

  private void see(Node node, String name, Deque<String> within) throws IOException {
    if (node instanceof Found file) {
      found.add(file.named(name));
    } else if (node instanceof Lost none) {
      lost.add(new Lost(name, none.reason()));
    } else if (node instanceof Link link) {
      follow(link, name, within);
    }
  }

  private Collection<Node> below(String folder) {
    return folder.isEmpty()
        ? nodes.values()
        : nodes.subMap(folder + "/", folder + "0").values(); // '0' comes after '/'
  }

  private void follow(Link link, String name, Deque<String> within) throws IOException {
    interruption.check();
    Goal goal = goal(parent(link.name()), link.target());
    Node node = nodes.get(goal.path());
    if (goal.reason().isPresent()) {
      lost.add(new Lost(name, goal.reason().get()));
    } else if (node != null) {
      see(node, name, within); // no link: those were followed on the way
    } else if (!isFolder(goal.path()) || within.size() == MOST_HOPS) {
      lost.add(new Lost(name, Reason.BROKEN_LINK));
    } else {
      within.push(parent(link.name()));
      if (within.stream().anyMatch(place -> isWithin(place, goal.path()))) {
        lost.add(new Lost(name, Reason.LINK_CYCLE));
      } else {
        walk(goal.path(), name + "/", within);
      }
      within.pop();
    }
  }

  private boolean isFolder(String path) {
    return path.isEmpty() || folders.contains(path) || !below(path).isEmpty();
  }

  private static boolean isWithin(String place, String folder) {
    return folder.isEmpty() || place.equals(folder) || place.startsWith(folder + "/");
  }

  private static String parent(String name) {
    return name.substring(0, Math.max(0, name.lastIndexOf('/')));
  }

  /** Where a path leads, or why it leads nowhere. */
  private record Goal(String path, Optional<Reason> reason) {
    static Goal none(Reason reason) {
      return new Goal("", Optional.of(reason));
    }
  }

  /** Follows {@code target} from {@code folder}, through the links on its way. */
  private Goal goal(String folder, String target) {
    Deque<String> ahead = new ArrayDeque<>(EntryName.parts(target));
    Deque<String> at = new ArrayDeque<>(EntryName.parts(folder));
    int hops = 0;
    boolean leaves = target.startsWith("/");
    int steps = 0;
    while (!leaves && !ahead.isEmpty()) {
      if (++steps > MOST_PATH) {
        return Goal.none(Reason.BROKEN_LINK);
      }
      String part = ahead.pop();
      if (part.equals("..")) {
        leaves = at.pollLast() == null;
        continue;
      }
      at.addLast(part);
      if (nodes.get(String.join("/", at)) instanceof Link link) {
        if (++hops > MOST_HOPS) {
          return Goal.none(Reason.BROKEN_LINK);
        }
        at.removeLast();
        List<String> parts = EntryName.parts(link.target());
        for (int i = parts.size() - 1; i >= 0; i--) {
          ahead.push(parts.get(i));
        }
        leaves = link.target().startsWith("/");
      }
    }
    return leaves
        ? Goal.none(Reason.LEAVING_LINK)
        : new Goal(String.join("/", at), Optional.empty());
  }
}
