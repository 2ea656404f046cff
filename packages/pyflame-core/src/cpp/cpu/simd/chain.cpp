// The instructions of chains. Eight vectors are what the calling convention passes in registers; the jump to the next
// instruction is a call in tail position with the same arguments.
#include "cpu/chain_table.h"
#include "cpu/simd/lane_ops.h"
#include "cpu/simd/vector_forms.h"

namespace pyflame::cpu::PYFLAME_TIER {

namespace {

constexpr int kVectors = 8;

template <class V>
using Next = void (*)(const ChainItem* item, i64 i, V v0, V v1, V v2, V v3, V v4, V v5, V v6, V v7);

// Step::at<k>(v): what becomes of vector k of the block that starts at element i.
template <class T, class Step>
void instruction(const ChainItem* item, i64 i, Vec<T> v0, Vec<T> v1, Vec<T> v2, Vec<T> v3, Vec<T> v4, Vec<T> v5,
                 Vec<T> v6, Vec<T> v7) {
  const Step step(item, i);
#define LANE(k) step.template at<k>(v##k)
  v0 = LANE(0);
  v1 = LANE(1);
  v2 = LANE(2);
  v3 = LANE(3);
  v4 = LANE(4);
  v5 = LANE(5);
  v6 = LANE(6);
  v7 = LANE(7);
#undef LANE
  return reinterpret_cast<Next<Vec<T>>>(item[1].run)(item + 1, i, v0, v1, v2, v3, v4, v5, v6, v7);
}

// Body::apply(item, i, v): for work of many instructions, on the block laid out in memory.
template <class T, class Body>
void spilled(const ChainItem* item, i64 i, Vec<T> v0, Vec<T> v1, Vec<T> v2, Vec<T> v3, Vec<T> v4, Vec<T> v5, Vec<T> v6,
             Vec<T> v7) {
  Vec<T> v[kVectors] = {v0, v1, v2, v3, v4, v5, v6, v7};
  Body::apply(item, i, v);
  return reinterpret_cast<Next<Vec<T>>>(item[1].run)(item + 1, i, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
}

template <class T>
void end_of_block(const ChainItem*, i64, Vec<T>, Vec<T>, Vec<T>, Vec<T>, Vec<T>, Vec<T>, Vec<T>, Vec<T>) {}

template <class T>
void run_blocks(const ChainItem* items, i64 n) {
  constexpr i64 block = kVectors * kWidth<T>;
  const Vec<T> v{};
  i64 i = 0;
  for (; i + block <= n; i += block) reinterpret_cast<Next<Vec<T>>>(items->run)(items, i, v, v, v, v, v, v, v, v);
  if (i < n) reinterpret_cast<Next<Vec<T>>>(items->run)(items, n - block, v, v, v, v, v, v, v, v);
#if defined(__AVX2__)
  // Unseen by the compiler, instructions leave the upper halves of registers in use, for which all code of SSE waits.
  _mm256_zeroupper();
#endif
}

// ---- operands
template <class T, int operand>
struct Block {
  Block(const ChainItem*, i64) {}
  template <int k>
  Vec<T> get(Vec<T> v) const {
    return v;
  }
};
template <class T, int operand>
struct Memory {
  const T* p;
  Memory(const ChainItem* item, i64 i)
      : p(reinterpret_cast<const T*>(item->in[operand].memory + i * item->in[operand].step)) {}
  template <int k>
  Vec<T> get(Vec<T>) const {
    fetch_ahead(p + k * kWidth<T>);
    return pyflame::cpu::PYFLAME_TIER::load(p + k * kWidth<T>);
  }
};
template <class T, int operand>
struct Number {
  Vec<T> value;
  Number(const ChainItem* item, i64) {
    T number;
    std::memcpy(&number, &item->in[operand].number, sizeof number);
    value = broadcast(number);
  }
  template <int k>
  Vec<T> get(Vec<T>) const {
    return value;
  }
};

// ---- steps
template <class T, template <class> class Op, class Left, class Right>
struct Binary {
  Left left;
  Right right;
  Binary(const ChainItem* item, i64 i) : left(item, i), right(item, i) {}
  template <int k>
  Vec<T> at(Vec<T> v) const {
    return Op<T>::of(left.template get<k>(v), right.template get<k>(v));
  }
};

template <class T, template <class> class First, class X, template <class> class Second, class Y>
struct Pair {
  X x;
  Y y;
  Pair(const ChainItem* item, i64 i) : x(item, i), y(item, i) {}
  template <int k>
  Vec<T> at(Vec<T> v) const {
    return Second<T>::of(First<T>::of(v, x.template get<k>(v)), y.template get<k>(v));
  }
};

template <class T, template <class> class Op>
struct Unary {
  Unary(const ChainItem*, i64) {}
  template <int k>
  Vec<T> at(Vec<T> v) const {
    return Op<T>::of(v);
  }
};

template <class T, class X, class Y>
struct Select {
  X x;
  Y y;
  Select(const ChainItem* item, i64 i) : x(item, i), y(item, i) {}
  template <int k>
  Vec<T> at(Vec<T> v) const {
    return select<T>(v, x.template get<k>(v), y.template get<k>(v));
  }
};

template <class T, class From>
struct Load {
  From from;
  Load(const ChainItem* item, i64 i) : from(item, i) {}
  template <int k>
  Vec<T> at(Vec<T> v) const {
    return from.template get<k>(v);
  }
};

struct Address {
  char* p;
  Address(const ChainItem* item, i64 i) : p(item->in[0].memory + i * item->in[0].step) {}
};
template <class T>
struct LoadBool : Address {
  using Address::Address;
  template <int k>
  Vec<T> at(Vec<T>) const {
    return load_mask<T>(p + k * kWidth<T>);
  }
};
// By way of int16 and int32: for longer steps GCC takes elements apart.
template <class T, class From>
struct LoadWhole : Address {
  using Address::Address;
  template <class Element>
  using Row __attribute__((vector_size(kWidth<T> * sizeof(Element)))) = Element;
  using Wider = std::conditional_t<sizeof(From) == 1, std::int16_t, From>;
  template <int k>
  Vec<T> at(Vec<T>) const {
    Row<From> whole;
    std::memcpy(&whole, p + k * static_cast<i64>(sizeof whole), sizeof whole);
    Row<std::int32_t> wide = __builtin_convertvector(__builtin_convertvector(whole, Row<Wider>), Row<std::int32_t>);
    return __builtin_convertvector(wide, Vec<T>);
  }
};
template <class T>
struct Store : Address {
  using Address::Address;
  template <int k>
  Vec<T> at(Vec<T> v) const {
    fetch_ahead(p + k * kVectorBytes);
    pyflame::cpu::PYFLAME_TIER::store(reinterpret_cast<T*>(p) + k * kWidth<T>, v);
    return v;
  }
};
template <class T>
struct StoreBool : Address {
  using Address::Address;
  template <int k>
  Vec<T> at(Vec<T> v) const {
    store_mask<T>(p + k * kWidth<T>, v);
    return v;
  }
};

// ---- bodies
template <TileOp op>
struct Form {
  static void apply(const ChainItem*, i64, FloatVector* v) {
    for (int k = 0; k < kVectors; ++k) v[k] = VectorForm<op>::of(v[k]);
  }
};
template <class T>
struct Call {
  static void apply(const ChainItem* item, i64 i, Vec<T>* v) {
    const void* operands[2];
    for (int k = 0; k < 2; ++k) {
      const ChainOperand& in = item->in[k];
      operands[k] = in.memory ? in.memory + i * in.step : reinterpret_cast<char*>(v);
    }
    item->call(v, operands[0], operands[1], nullptr, kVectors * kWidth<T>);
  }
};
template <class T>
struct StoreAs {
  static void apply(const ChainItem* item, i64 i, Vec<T>* v) {
    item->call(item->in[0].memory + i * item->in[0].step, v, nullptr, nullptr, kVectors * kWidth<T>);
  }
};
template <class T>
struct Round {
  static void apply(const ChainItem* item, i64, Vec<T>* v) { item->round(v, kVectors * kWidth<T>); }
};

// ---- the table
template <class V>
ChainFn erase(Next<V> function) {
  return reinterpret_cast<ChainFn>(function);
}
template <class T, class Step>
ChainFn step_fn() {
  return erase<Vec<T>>(instruction<T, Step>);
}
template <class T, class Body>
ChainFn body_fn() {
  return erase<Vec<T>>(spilled<T, Body>);
}

template <class T, template <class> class Op>
void fill_binary(ChainInstructions& table, ChainBinary op) {
  ChainFn* forms = table.binary[static_cast<int>(op)];
  auto set = [&](ChainForm form, ChainFn fn) { forms[static_cast<int>(form)] = fn; };
  set(ChainForm::kBlockMemory, step_fn<T, Binary<T, Op, Block<T, 0>, Memory<T, 1>>>());
  set(ChainForm::kBlockNumber, step_fn<T, Binary<T, Op, Block<T, 0>, Number<T, 1>>>());
  set(ChainForm::kMemoryBlock, step_fn<T, Binary<T, Op, Memory<T, 0>, Block<T, 1>>>());
  set(ChainForm::kNumberBlock, step_fn<T, Binary<T, Op, Number<T, 0>, Block<T, 1>>>());
  set(ChainForm::kBlockBlock, step_fn<T, Binary<T, Op, Block<T, 0>, Block<T, 1>>>());
  set(ChainForm::kMemoryMemory, step_fn<T, Binary<T, Op, Memory<T, 0>, Memory<T, 1>>>());
  set(ChainForm::kMemoryNumber, step_fn<T, Binary<T, Op, Memory<T, 0>, Number<T, 1>>>());
  set(ChainForm::kNumberMemory, step_fn<T, Binary<T, Op, Number<T, 0>, Memory<T, 1>>>());
}

template <class T, template <class> class First, template <class> class Second>
void fill_pair(ChainInstructions& table, ChainBinary first, ChainBinary second) {
  auto set = [&](int x, int y, ChainFn fn) { table.pair[static_cast<int>(first)][x][static_cast<int>(second)][y] = fn; };
  set(0, 0, step_fn<T, Pair<T, First, Memory<T, 0>, Second, Memory<T, 1>>>());
  set(0, 1, step_fn<T, Pair<T, First, Memory<T, 0>, Second, Number<T, 1>>>());
  set(1, 0, step_fn<T, Pair<T, First, Number<T, 0>, Second, Memory<T, 1>>>());
  set(1, 1, step_fn<T, Pair<T, First, Number<T, 0>, Second, Number<T, 1>>>());
}
template <class T, template <class> class First>
void fill_pairs(ChainInstructions& table, ChainBinary first) {
  fill_pair<T, First, add_lanes>(table, first, ChainBinary::add);
  fill_pair<T, First, sub_lanes>(table, first, ChainBinary::sub);
  fill_pair<T, First, mul_lanes>(table, first, ChainBinary::mul);
}

template <TileOp op>
void fill_form(ChainInstructions& table) {
  table.unary[static_cast<int>(op)] = body_fn<float, Form<op>>();
}

template <class T>
ChainInstructions make_instructions() {
  ChainInstructions table{};
  table.block = kVectors * kWidth<T>;
#define BINARY(name) fill_binary<T, name##_lanes>(table, ChainBinary::name);
  BINARY(add) BINARY(sub) BINARY(mul) BINARY(div) BINARY(maximum) BINARY(minimum) BINARY(eq) BINARY(ne) BINARY(lt)
  BINARY(le) BINARY(gt) BINARY(ge) BINARY(both) BINARY(either) BINARY(differ)
#undef BINARY
  fill_pairs<T, add_lanes>(table, ChainBinary::add);
  fill_pairs<T, sub_lanes>(table, ChainBinary::sub);
  fill_pairs<T, mul_lanes>(table, ChainBinary::mul);
#define UNARY(name) table.unary[static_cast<int>(TileOp::name)] = step_fn<T, Unary<T, name##_lanes>>();
  UNARY(neg) UNARY(abs) UNARY(square) UNARY(sqrt) UNARY(rsqrt) UNARY(reciprocal) UNARY(relu) UNARY(positive)
#undef UNARY
  if constexpr (sizeof(T) == 4) {
    fill_form<TileOp::exp>(table);
    fill_form<TileOp::exp2>(table);
    fill_form<TileOp::log>(table);
    fill_form<TileOp::log2>(table);
#if defined(__FMA__) || defined(__aarch64__)
    fill_form<TileOp::log10>(table);
#endif
    fill_form<TileOp::tanh>(table);
    fill_form<TileOp::sigmoid>(table);
    fill_form<TileOp::erf>(table);
    fill_form<TileOp::gelu>(table);
  }
  table.load = step_fn<T, Load<T, Memory<T, 0>>>();
  table.load_number = step_fn<T, Load<T, Number<T, 0>>>();
  table.load_bool = step_fn<T, LoadBool<T>>();
  table.store = step_fn<T, Store<T>>();
  table.store_bool = step_fn<T, StoreBool<T>>();
  table.load_whole[kClassUInt8] = step_fn<T, LoadWhole<T, u8>>();
  table.load_whole[kClassInt8] = step_fn<T, LoadWhole<T, std::int8_t>>();
  table.load_whole[kClassInt16] = step_fn<T, LoadWhole<T, std::int16_t>>();
  table.load_whole[kClassInt32] = step_fn<T, LoadWhole<T, std::int32_t>>();
  table.store_as = body_fn<T, StoreAs<T>>();
  table.select[0][0] = step_fn<T, Select<T, Memory<T, 0>, Memory<T, 1>>>();
  table.select[0][1] = step_fn<T, Select<T, Memory<T, 0>, Number<T, 1>>>();
  table.select[1][0] = step_fn<T, Select<T, Number<T, 0>, Memory<T, 1>>>();
  table.select[1][1] = step_fn<T, Select<T, Number<T, 0>, Number<T, 1>>>();
  table.invert = step_fn<T, Unary<T, invert_lanes>>();
  table.from_bool = step_fn<T, Unary<T, from_bool_lanes>>();
  table.to_bool = step_fn<T, Unary<T, to_bool_lanes>>();
  table.call = body_fn<T, Call<T>>();
  table.round = body_fn<T, Round<T>>();
  table.end = erase<Vec<T>>(end_of_block<T>);
  table.run = run_blocks<T>;
  return table;
}

template <class T>
const ChainInstructions& instructions() {
  static const ChainInstructions table = make_instructions<T>();
  return table;
}

}  // namespace

const ChainTable chain_table = {instructions<float>, instructions<double>};

}  // namespace pyflame::cpu::PYFLAME_TIER
