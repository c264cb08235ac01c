package dev.atelier.untrusted;

import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * Runs through a pickle of a TorchScript archive without making anything of it: only operations and
 * names that such archives need, to a bounded depth, and tensors that lie in what they are of.
 */
final class PickleCheck {

  private static final String TENSOR = "torch._utils _rebuild_tensor_v2";
  private static final Set<String> GLOBALS =
      Set.of(
          "collections OrderedDict",
          "torch device",
          TENSOR,
          "torch._utils _rebuild_parameter",
          "torch.jit._pickle build_boollist",
          "torch.jit._pickle build_doublelist",
          "torch.jit._pickle build_intlist",
          "torch.jit._pickle build_tensorlist",
          "torch.jit._pickle restore_type_tag");
  private static final Map<String, Integer> STORAGES = // bytes of an element
      Map.ofEntries(
          Map.entry("torch DoubleStorage", 8),
          Map.entry("torch FloatStorage", 4),
          Map.entry("torch HalfStorage", 2),
          Map.entry("torch BFloat16Storage", 2),
          Map.entry("torch LongStorage", 8),
          Map.entry("torch IntStorage", 4),
          Map.entry("torch ShortStorage", 2),
          Map.entry("torch CharStorage", 1),
          Map.entry("torch ByteStorage", 1),
          Map.entry("torch BoolStorage", 1),
          Map.entry("torch ComplexFloatStorage", 8),
          Map.entry("torch ComplexDoubleStorage", 16));
  private static final int MAX_DEPTH = 1000; // values are freed by recursion

  /** What is on the stack: what it is worth knowing of. */
  private static final class Value {
    private final Optional<Object> known; // a text, a number, a global's name or parts of a tuple
    private int depth;
    private boolean named; // and so part of something else: it may not grow any more

    Value(Optional<Object> known, int depth) {
      this.known = known;
      this.depth = depth;
    }
  }

  private record Global(String name) {}

  /** What a tensor is a view of. */
  private record Storage(long elements) {}

  private final ByteBuffer in;
  private final ToLongFunction<String> sizeOf; // of a tensor's entry; -1: there is none
  private final Set<String> classes;
  private final List<Value> stack = new ArrayList<>();
  private final List<Integer> marks = new ArrayList<>();
  private final Map<Integer, Value> memo = new HashMap<>();

  private PickleCheck(byte[] pickle, Set<String> classes, ToLongFunction<String> sizeOf) {
    this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    this.classes = classes;
    this.sizeOf = sizeOf;
  }

  /**
   * Checks a pickle.
   *
   * @param classes that the archive's code defines
   * @param sizeOf bytes of the entry that holds the tensor of a key; -1: there is none
   */
  static void check(byte[] pickle, Set<String> classes, ToLongFunction<String> sizeOf)
      throws RefusedCodeException {
    try {
      new PickleCheck(pickle, classes, sizeOf).run();
    } catch (BufferUnderflowException | IndexOutOfBoundsException | IllegalArgumentException e) {
      throw new RefusedCodeException("ends early or is damaged", e);
    }
  }

  private void run() throws RefusedCodeException {
    while (true) {
      int operation = in.get() & 0xff;
      switch (operation) {
        case '.' -> {
          return;
        }
        case 0x80 -> in.get(); // protocol
        case '(' -> marks.add(stack.size());
        case 'N', 0x88, 0x89 -> push(Optional.empty(), 1);
        case 'K' -> push(Optional.of((long) (in.get() & 0xff)), 1);
        case 'M' -> push(Optional.of((long) (in.getShort() & 0xffff)), 1);
        case 'J' -> push(Optional.of((long) in.getInt()), 1);
        case 0x8a -> push(Optional.of(longOf(in.get() & 0xff)), 1);
        case 'G' -> {
          in.getDouble();
          push(Optional.empty(), 1);
        }
        case 'X' -> push(Optional.of(text(in.getInt())), 1);
        case 0x8c -> push(Optional.of(text(in.get() & 0xff)), 1);
        case 'c' -> push(Optional.of(global()), 1);
        case ']', '}' -> push(Optional.empty(), 1);
        case ')' -> push(Optional.of(List.of()), 1);
        case 't' -> tuple(stack.size() - mark());
        case 0x85 -> tuple(1);
        case 0x86 -> tuple(2);
        case 0x87 -> tuple(3);
        case 'l', 'd' -> {
          int parts = stack.size() - mark();
          push(Optional.empty(), 1 + deepest(parts));
        }
        case 'a' -> into(1);
        case 's' -> into(2);
        case 'e', 'u' -> into(stack.size() - mark());
        case 'b' -> into(1); // an object's state
        case 'R', 0x81 -> make();
        case 'Q' -> tensorData();
        case 'q' -> memo.put(in.get() & 0xff, top());
        case 'r' -> memo.put(in.getInt(), top());
        case 'h' -> recall(in.get() & 0xff);
        case 'j' -> recall(in.getInt());
        default ->
            throw new RefusedCodeException(
                "has the operation 0x%02x, which no TorchScript file needs".formatted(operation));
      }
    }
  }

  private void push(Optional<Object> known, int depth) throws RefusedCodeException {
    if (depth > MAX_DEPTH) {
      throw new RefusedCodeException("is nested more than %d deep".formatted(MAX_DEPTH));
    }
    stack.add(new Value(known, depth));
  }

  private Value pop() {
    return stack.remove(stack.size() - 1);
  }

  private Value top() {
    return stack.get(stack.size() - 1);
  }

  private int mark() {
    return marks.remove(marks.size() - 1);
  }

  /** Takes {@code parts} values away; the depth of the deepest. */
  private int deepest(int parts) {
    int depth = 0;
    for (int i = 0; i < parts; i++) {
      depth = Math.max(depth, pop().depth);
    }
    return depth;
  }

  private void tuple(int parts) throws RefusedCodeException {
    List<Object> known = new ArrayList<>();
    for (Value part : stack.subList(stack.size() - parts, stack.size())) {
      known.add(part.known.orElse(""));
    }
    boolean small = parts <= 8; // such as what names a tensor
    push(small ? Optional.of(known) : Optional.empty(), 1 + deepest(parts));
  }

  private void into(int parts) throws RefusedCodeException {
    int depth = 1 + deepest(parts);
    if (depth > MAX_DEPTH) {
      throw new RefusedCodeException("is nested more than %d deep".formatted(MAX_DEPTH));
    }
    if (top().named) {
      throw new RefusedCodeException("changes a value that is part of another");
    }
    top().depth = Math.max(top().depth, depth);
  }

  private void make() throws RefusedCodeException {
    Value arguments = pop();
    Value maker = pop();
    if (!(maker.known.orElse("") instanceof Global global)) {
      throw new RefusedCodeException("calls what is no name");
    }
    if (global.name().equals(TENSOR)) {
      requireWithinStorage(arguments.known.orElse(""));
    }
    push(Optional.empty(), 1 + arguments.depth);
  }

  /** Holds a tensor to its storage, which libtorch does not: offset, shape and strides. */
  private static void requireWithinStorage(Object arguments) throws RefusedCodeException {
    if (!(arguments instanceof List<?> parts)
        || parts.size() < 4
        || !(parts.get(0) instanceof Storage storage)
        || !(parts.get(1) instanceof Long offset)
        || !(parts.get(2) instanceof List<?> shape)
        || !(parts.get(3) instanceof List<?> strides)
        || shape.size() != strides.size()) {
      throw new RefusedCodeException("makes a tensor in a way that is not understood");
    }
    BigInteger last = BigInteger.valueOf(offset);
    boolean empty = false;
    boolean positive = offset >= 0;
    for (int i = 0; i < shape.size(); i++) {
      if (!(shape.get(i) instanceof Long size) || !(strides.get(i) instanceof Long stride)) {
        throw new RefusedCodeException("makes a tensor in a way that is not understood");
      }
      empty |= size == 0;
      positive &= size >= 0 && stride >= 0;
      last = last.add(BigInteger.valueOf(size - 1).multiply(BigInteger.valueOf(stride)));
    }
    boolean within = empty || last.compareTo(BigInteger.valueOf(storage.elements())) < 0;
    if (!positive || !within) {
      throw new RefusedCodeException(
          "has a tensor of shape %s with strides %s from %d on, outside of its %d elements"
              .formatted(shape, strides, offset, storage.elements()));
    }
  }

  private void recall(int index) throws RefusedCodeException {
    Value value = memo.get(index);
    if (value == null) {
      throw new RefusedCodeException("names value %d, which it does not have".formatted(index));
    }
    value.named = true;
    stack.add(value);
  }

  private void tensorData() throws RefusedCodeException {
    Object id = pop().known.orElse("");
    if (!(id instanceof List<?> parts)
        || parts.size() < 5
        || !(parts.get(1) instanceof Global storage)
        || !(parts.get(2) instanceof String key)
        || !(parts.get(4) instanceof Long elements)) {
      throw new RefusedCodeException("names a tensor in a way that is not understood");
    }
    int width = STORAGES.getOrDefault(storage.name(), 0);
    long size = sizeOf.applyAsLong(key);
    if (width == 0 || elements < 0 || size < 0 || elements > size / width) {
      throw new RefusedCodeException(
          "has a tensor of %d elements of %s, for which its entry '%s' has %d bytes"
              .formatted(elements, OneLine.of(storage.name(), 60), OneLine.of(key, 60), size));
    }
    push(Optional.of(new Storage(elements)), 1);
  }

  private Global global() throws RefusedCodeException {
    String name = line() + " " + line();
    String dotted = name.replace(' ', '.');
    if (!GLOBALS.contains(name) && !STORAGES.containsKey(name) && !classes.contains(dotted)) {
      throw new RefusedCodeException(
          "names %s, which no TorchScript file needs".formatted(OneLine.of(dotted, 200)));
    }
    return new Global(name);
  }

  private String line() {
    int start = in.position();
    while (in.get() != '\n') {
      // goes on
    }
    return new String(in.array(), start, in.position() - 1 - start, StandardCharsets.UTF_8);
  }

  private String text(int length) {
    if (length < 0 || length > in.remaining()) {
      throw new BufferUnderflowException();
    }
    byte[] bytes = new byte[length];
    in.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private long longOf(int length) {
    if (length > Long.BYTES) {
      throw new BufferUnderflowException();
    }
    long value = 0;
    for (int i = 0; i < length; i++) {
      long part = i == length - 1 ? in.get() : in.get() & 0xff; // the last has the sign
      value |= part << (8 * i);
    }
    return value;
  }
}
